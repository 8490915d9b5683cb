"""cascade-model train, interrupted and gone on with; its package's neighbours; its log as a plot."""

import json
import pathlib
import signal
import struct
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

from harness import BIN, SOURCE, check, run

sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "models" / "zoo" / "digits"))

from make_dataset import png  # noqa: E402

TOOL = BIN / "cascade-model"
PLOT = SOURCE / "models" / "training" / "plot_log.py"
SIZE = 8
STEPS = 300


def configuration(folder, output):
    """Writes a training of two classes of stripes; returns the configuration's path."""
    for label in range(2):
        images = folder / "images" / str(label)
        images.mkdir(parents=True, exist_ok=True)
        for number in range(4):
            pixels = bytes(255 * ((x if label else y) % 2) // (number + 1) for y in range(SIZE) for x in range(SIZE))
            (images / f"{number}.png").write_bytes(png(pixels, SIZE))
    path = folder / f"{output}.json"
    path.write_text(json.dumps({
        "stage": {
            "name": "8x8", "resolution": SIZE, "channels": 1,
            "network": {"model_channels": 16, "num_res_blocks": 1, "norm_groups": 8, "num_classes": 2,
                        "null_class": True, "dropout": 0.1},
            "diffusion": {"prediction": "v", "variance": "learned_range"},
            "sampler": {"steps": 2},
        },
        "data": {"train": str(folder / "images")},
        "output": str(folder / output),
        "log_every": 1,
        "optimizer": {"steps": STEPS, "batch_size": 8, "label_dropout": 0.2},
    }))
    return path


def train(path, *flags):
    return subprocess.run([TOOL, "train", path, *flags], capture_output=True, text=True)


def an_interrupted_training_ends_in_the_same_bytes():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        through = train(configuration(folder, "through"))
        check(through.returncode == 0, through)

        path = configuration(folder, "interrupted")
        process = subprocess.Popen([TOOL, "train", path], stdout=subprocess.PIPE, text=True)
        while " step 3/" not in (line := process.stdout.readline()):
            check(line, "the training ended early")
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
        check(process.wait() == 0 and "stopped at step" in rest, rest)

        resumed = train(path)
        check(resumed.returncode == 0 and "resuming at step" in resumed.stdout, resumed)
        check((folder / "through/checkpoint.safetensors").read_bytes()
              == (folder / "interrupted/checkpoint.safetensors").read_bytes(), "the checkpoints differ")


def package(folder, class_names):
    """Trains two steps and packs them into folder/package."""
    check(train(configuration(folder, "output"), "--stop_after", "2").returncode == 0, "training failed")
    command = [TOOL, "package", folder / "output/checkpoint.safetensors", "--out", folder / "package", "--name",
               "stripes", "--class_names", class_names]
    check(subprocess.run(command, capture_output=True).returncode == 0, "packaging failed")


def a_package_is_what_was_trained():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        package(folder, "rows,columns")
        inspect = subprocess.run([TOOL, "inspect", folder / "package", "--json"], capture_output=True, text=True)
        check(json.loads(inspect.stdout)["stages"][0]["sampler"]["steps"] == 2, inspect)

        # The weights' own header and digest still agree; only the network does not.
        manifest = folder / "package/cascade.json"
        changed = json.loads(manifest.read_text())
        changed["stages"][0]["network"]["num_res_blocks"] = 2
        manifest.write_text(json.dumps(changed))
        inspect = subprocess.run([TOOL, "inspect", folder / "package"], capture_output=True, text=True)
        check(inspect.returncode == 1 and "8x8.safetensors: tensor input_blocks." in inspect.stderr, inspect)


def tensors_of(path):
    """{name: (type, bytes)} of a safetensors file."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    begin = 8 + length
    return {name: (tensor["dtype"], content[begin + tensor["data_offsets"][0]:begin + tensor["data_offsets"][1]])
            for name, tensor in json.loads(content[8:begin]).items() if name != "__metadata__"}


def half_weights_are_the_weights_rounded():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        package(folder, "rows,columns")
        command = [TOOL, "package", folder / "output/checkpoint.safetensors", "--out", folder / "half", "--name",
                   "stripes", "--class_names", "rows,columns", "--half"]
        result = subprocess.run(command, capture_output=True, text=True)
        check(result.returncode == 0, result)
        whole, half = (tensors_of(folder / name / "8x8.safetensors") for name in ("package", "half"))
        check(whole.keys() == half.keys(), half.keys())
        for name, (kind, values) in whole.items():
            check(kind == "F32" and half[name][0] == "F16", f"{name}: {kind} became {half[name][0]}")
            floats = struct.unpack(f"<{len(values) // 4}f", values)
            check(half[name][1] == struct.pack(f"<{len(floats)}e", *floats), f"{name} was rounded otherwise")


def samples_stand_above_their_nearest_training_images():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        package(folder, "0,1")
        images, sheet = folder / "images", folder / "sheet.png"
        command = [TOOL, "neighbours", folder / "package", "--train", images, "--test", images, "--count", "6",
                   "--shown", "4", "--columns", "2", "--sheet", sheet, "--json"]
        result = subprocess.run(command, capture_output=True, text=True)
        check(result.returncode == 0, result)
        report = json.loads(result.stdout)
        check(report["samples"] == 6 and report["training_images"] == 8 and report["classes_compared"] == 2, report)
        # Held out are the training images themselves: no sample of an untrained network is as near.
        check(report["distance_of_held_out"] == 0 and report["nearer_than_half_of_held_out"] == 0, report)
        check(report["distance_to_training"] > 0 and report["distance_within_class"] > 0, report)
        # Two columns, two pairs of rows, 64 pixels an image and a line around it.
        check(struct.unpack(">II", sheet.read_bytes()[16:24]) == (2 * 66, 4 * 66), sheet.read_bytes()[:24])

        (images / "1").rename(images / "one")
        result = subprocess.run(command, capture_output=True, text=True)
        check(result.returncode == 1 and "class 1 is \"1\" in the package, \"one\" in " in result.stderr, result)


def a_bound_goes_on_where_it_stopped():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        package(folder, "0,1")

        def bound(count, *flags):
            command = [TOOL, "evaluate", folder / "package", "--bound", "--test", folder / "images", "--count",
                       str(count), "--timesteps_per_image", "3", "--json", *flags]
            return subprocess.run(command, capture_output=True, text=True)

        terms = folder / "terms.csv"
        whole = bound(8, "--terms", terms, "--out", folder / "bound.json")
        check(whole.returncode == 0 and "8 of 8 images" in whole.stderr, whole)
        report = json.loads(whole.stdout)
        check(json.loads((folder / "bound.json").read_text()) == report, "the file says something else")
        total = report["total"]["bits_per_dimension"]
        check(report["images"] == 8 and total > 0 and report["total"]["standard_error"] > 0, report)
        bits = [float(line.split(",")[2]) for line in terms.read_text().splitlines()[1:]]
        check(len(bits) == 1001 and abs(sum(bits) - total) < 1e-6 * total, sum(bits))

        state = ("--state", folder / "state.json")
        check(bound(3, *state).returncode == 0, "no bound of three images")
        rest = bound(8, *state)
        check("3 of" not in rest.stderr and "8 of 8 images" in rest.stderr, rest)
        resumed = json.loads(rest.stdout)["total"]["bits_per_dimension"]
        check(abs(resumed - total) < 1e-5 * total, resumed)
        other = bound(8, *state, "--seed", "2")
        check(other.returncode == 1 and "was made with seed" in other.stderr, other)
        # The same pixels in the same order, one of them under another label.
        (folder / "images/0/3.png").rename(folder / "images/1/-.png")
        other = bound(8, *state)
        check(other.returncode == 1 and "was made with images" in other.stderr, other)

        (folder / "images/1").rename(folder / "images/one")
        unknown = bound(2)
        check(unknown.returncode == 1 and "a class \"one\", which the cascade has not" in unknown.stderr, unknown)


def a_log_becomes_a_plot():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        log, plot = folder / "log.csv", folder / "plot.svg"
        # Stopped after step 30, gone on with from step 10.
        log.write_text("".join(f"{step},{loss},1.0,1e-3,50\n" for step, loss in
                               [(10, 1.0), (20, 0.7), (30, 0.5), (20, 0.5), (30, 0.25)]))
        command = [sys.executable, PLOT, plot, f"8x8={log},100"]
        result = subprocess.run(command, capture_output=True, text=True)
        check(result.returncode == 0, result)
        root = xml.etree.ElementTree.parse(plot).getroot()
        raw, mean = root.findall("{*}polyline")
        check(len(raw.get("points").split()) == len(mean.get("points").split()) == 3, raw.attrib)
        texts = [text.text for text in root.findall("{*}text")]
        check("8x8" in texts and "0.25 after 3k" in texts, texts)

        log.write_text("10,nothing,1,1,1\n")
        result = subprocess.run(command, capture_output=True, text=True)
        check(result.returncode != 0 and "log.csv:1: not a line of log.csv" in result.stderr, result)


if __name__ == "__main__":
    sys.exit(run(an_interrupted_training_ends_in_the_same_bytes, a_package_is_what_was_trained,
                 half_weights_are_the_weights_rounded, samples_stand_above_their_nearest_training_images,
                 a_bound_goes_on_where_it_stopped, a_log_becomes_a_plot))
