"""A cascade without classes whose stages are told noise levels: trained for a step, packaged, served, and sampled as the paper does."""

import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import zlib

from harness import BIN, SOURCE, Server, check, client, require_package, run

sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "models" / "zoo" / "digits"))

from make_dataset import png  # noqa: E402

TOOL = BIN / "cascade-model"


def tool(*arguments):
    result = subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True)
    check(result.returncode == 0, result)
    return result


def stage(folder, index):
    """Trains 8x8 or 16x16 for a step; returns the checkpoint."""
    size = 8 << index
    fields = {
        "name": f"{size}x{size}", "resolution": size, "channels": 1,
        "network": {"model_channels": 16, "num_res_blocks": 1, "norm_groups": 8},
        "diffusion": {"conditioning": "noise_level", "prediction": "v"},
        "sampler": {"steps": 8},
    }
    if index > 0:
        fields |= {"low_resolution": size // 2, "low_resolution_upsampling": "bicubic",
                   "conditioning_augmentation": {"default_level": 0.1}}
    path = folder / f"{size}.json"
    path.write_text(json.dumps({
        "stage": fields, "stage_index": index, "data": {"train": str(folder / "images")},
        "output": str(folder / str(size)), "optimizer": {"steps": 1, "batch_size": 2},
    }))
    tool("train", path)
    return folder / str(size) / "checkpoint.safetensors"


def package(folder):
    images = folder / "images" / "all"
    images.mkdir(parents=True)
    for number in range(4):
        pixels = bytes(255 * (x // 4 % 2) // (number + 1) for y in range(16) for x in range(16))
        (images / f"{number}.png").write_bytes(png(pixels, 16))
    tool("package", stage(folder, 0), stage(folder, 1), "--out", folder / "package", "--name", "plain")
    return folder / "package"


def generate(*flags):
    result = client(SHARED, "generate", "--cascade", "plain", "--seed", "5", "--json", *flags)
    return result, [json.loads(line) for line in result.stdout.splitlines()]


def sampled(*flags):
    """The events of a generation that succeeds."""
    result, events = generate(*flags)
    check(result.returncode == 0 and events[-1]["event"] == "finished", result)
    return events


def files(folder):
    return {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}


def pixels(image):
    """What a PNG holds: its header and its rows, whatever the level they are compressed at."""
    header, rows, at = b"", b"", 8
    while at < len(image):
        (length,) = struct.unpack(">I", image[at:at + 4])
        content = image[at + 8:at + 8 + length]
        header += content if image[at + 4:at + 8] == b"IHDR" else b""
        rows += content if image[at + 4:at + 8] == b"IDAT" else b""
        at += 12 + length
    return header + zlib.decompress(rows)


def it_is_listed_and_drawn_without_a_class():
    listed = [json.loads(line) for line in client(SHARED, "list", "--json").stdout.splitlines()]
    plain, = [cascade for cascade in listed if cascade["name"] == "plain"]
    check(plain["num_classes"] == 0 and plain["class_names"] == [] and plain["supports_unconditional"], plain)
    check(plain["stages"][1]["supports_schedule"], plain)
    check(plain["stages"][1]["augmentation"]["modes"] == ["non_truncated", "truncated"], plain)
    check("unconditional" in client(SHARED, "list").stdout, "the list says so")
    record = sampled()[-1]["record"]
    check(record["unconditional"] and record["stages"][0]["sampler"]["steps"] == 8, record)
    sampled("--class", "none")


def a_class_is_refused_by_name():
    for choice, field in (("3", "class_id"), ("seven", "class_name")):
        result, events = generate("--class", choice)
        check(result.returncode == 3 and events[-1]["code"] == "INVALID_ARGUMENT", result)
        check(events[-1]["fields"][0]["field"] == field, events[-1])
    result, events = generate("--guidance", "2")
    check(events[-1]["fields"][0]["field"] == "stages[0].guidance.scale", events[-1])


def a_schedule_is_chosen_after_training():
    with tempfile.TemporaryDirectory() as scratch:
        record = sampled("--schedule", "linear:40:0.001:0.3", "--out", f"{scratch}/linear")[-1]["record"]
        expected = {"kind": "linear", "num_timesteps": 40, "beta_begin": 0.001, "beta_end": 0.3}
        check([s["sampler"]["schedule"] for s in record["stages"]] == 2 * [expected], record)
        sampled("--out", f"{scratch}/trained")
        check(files(f"{scratch}/linear") != files(f"{scratch}/trained"), "the schedule changes nothing")
    result, events = generate("--schedule", "linear:7")
    check(events[-1]["fields"][0]["field"] == "stages[0].sampler.steps", events[-1])


def thresholds_differ():
    # Quantile 1 is the largest value; an untrained network's estimates have few values beyond 1.
    with tempfile.TemporaryDirectory() as scratch:
        for threshold in ("static", "none", "dynamic:1"):
            record = sampled("--threshold", threshold, "--out", f"{scratch}/{threshold}")[-1]["record"]
            check(record["stages"][0]["sampler"]["threshold"]["kind"] == threshold.split(":")[0], record)
        drawn = [files(f"{scratch}/{threshold}") for threshold in ("static", "none", "dynamic:1")]
        check(drawn[0] != drawn[1] and drawn[0] != drawn[2], "the threshold changes nothing")


def a_truncated_cascade_goes_on_from_its_state():
    flags = ("--augmentation", "0.3", "--augmentation-mode", "truncated")
    with tempfile.TemporaryDirectory() as scratch:
        events = sampled(*flags, "--best-effort", "--out", f"{scratch}/whole", "--states", f"{scratch}/states")
        lower, upper = [event for event in events if event["event"] == "stage_image"]
        check(lower["is_estimate"] and "is_estimate" not in upper, lower)
        check(lower["num_steps"] < 8, lower)
        augmentation = events[-1]["record"]["stages"][1]["augmentation"]
        check(augmentation["mode"] == "truncated" and augmentation["index"] == 300, augmentation)
        state, = pathlib.Path(scratch, "states").glob("*stage0.state")
        result = client(SHARED, "upscale", "--state", str(state), *flags, "--out", f"{scratch}/resumed")
        check(result.returncode == 0, result)
        whole = files(f"{scratch}/whole")
        for name, content in files(f"{scratch}/resumed").items():
            check(whole[name] == content, f"{name} has other bytes")
        result = client(SHARED, "upscale", "--state", str(state), "--augmentation", "0.2", "--json")
        check(result.returncode == 3 and "below the state's level, 0.3" in result.stderr, result)
        # Alone and in a batch of other requests' images.
        sampled(*flags, "--count", "8", "--out", f"{scratch}/batch")
        batch = files(f"{scratch}/batch")
        check(all(batch[name] == content for name, content in whole.items()), "other bytes in a batch")


def the_tool_samples_the_same():
    with tempfile.TemporaryDirectory() as scratch:
        tops = set()
        for mode in ("truncated", "non_truncated"):
            flags = ["--augmentation", "0.3", "--threshold", "dynamic:0.9:2", "--schedule", "trained"]
            tool("sample", PACKAGE, "--out", f"{scratch}/{mode}", "--count", "1", "--seed", "5", *flags,
                 "--augmentation_mode", mode)
            sampled(*flags, "--augmentation-mode", mode.replace("_", "-"), "--out", f"{scratch}/served-{mode}")
            drawn, served = ({name.split("-")[-1]: pixels(content) for name, content in files(folder).items()}
                             for folder in (f"{scratch}/{mode}", f"{scratch}/served-{mode}"))
            check(len(drawn) == 2 and drawn == served, f"{mode}: the server draws something else")
            tops.add(drawn["16x16.png"])
        check(len(tops) == 2, "the mode changes nothing")
        result = subprocess.run([TOOL, "sample", PACKAGE, "--out", scratch, "--augmentation", "0.3", "--augmentation_mode",
                                 "truncated", "--schedule", "cosine:50"], capture_output=True, text=True)
        check(result.returncode == 1 and "stage 1: augmentation cannot be truncated: stage 0 (8x8) is to run another schedule"
              in result.stderr, result)


if __name__ == "__main__":
    require_package()
    with tempfile.TemporaryDirectory() as FOLDER:
        PACKAGE = package(pathlib.Path(FOLDER))
        with Server("--cascade", f"plain={PACKAGE}") as SHARED:
            sys.exit(run(it_is_listed_and_drawn_without_a_class, a_class_is_refused_by_name,
                         a_schedule_is_chosen_after_training, thresholds_differ,
                         a_truncated_cascade_goes_on_from_its_state, the_tool_samples_the_same))
