"""cascade-model train, interrupted and gone on with."""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile

from harness import BIN, SOURCE, check, run

sys.dont_write_bytecode = True
sys.path.insert(0, str(SOURCE / "models" / "zoo" / "digits"))

from make_dataset import png  # noqa: E402

TOOL = BIN / "cascade-model"
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


def a_package_is_what_was_trained():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        check(train(configuration(folder, "output"), "--stop_after", "2").returncode == 0, "training failed")
        package = [TOOL, "package", folder / "output/checkpoint.safetensors", "--out", folder / "package", "--name",
                   "stripes", "--class_names", "rows,columns"]
        check(subprocess.run(package, capture_output=True).returncode == 0, "packaging failed")
        inspect = subprocess.run([TOOL, "inspect", folder / "package", "--json"], capture_output=True, text=True)
        check(json.loads(inspect.stdout)["stages"][0]["sampler"]["steps"] == 2, inspect)

        # The weights' own header and digest still agree; only the network does not.
        manifest = folder / "package/cascade.json"
        changed = json.loads(manifest.read_text())
        changed["stages"][0]["network"]["num_res_blocks"] = 2
        manifest.write_text(json.dumps(changed))
        inspect = subprocess.run([TOOL, "inspect", folder / "package"], capture_output=True, text=True)
        check(inspect.returncode == 1 and "8x8.safetensors: tensor input_blocks." in inspect.stderr, inspect)


if __name__ == "__main__":
    sys.exit(run(an_interrupted_training_ends_in_the_same_bytes, a_package_is_what_was_trained))
