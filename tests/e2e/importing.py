"""cascade-model import: published checkpoints become packages; a hostile one runs nothing."""

import json
import os
import pathlib
import pickle
import subprocess
import sys
import tempfile
import zipfile

from harness import BIN, SOURCE, check, run

TOOL = BIN / "cascade-model"
REFERENCE = pathlib.Path(os.environ.get("CASCADE_REFERENCE", SOURCE.parent / "shared" / "reference"))
KNOWN = ["64x64_diffusion", "128x128_diffusion", "256x256_diffusion", "256x256_diffusion_uncond", "512x512_diffusion",
         "64_256_upsampler", "128_512_upsampler", "imagenet64_cond_270M_250K", "upsample_cond_500K",
         "edm_imagenet64_ema", "cd_imagenet64_l2", "cd_imagenet64_lpips", "ct_imagenet64"]


def tool(*arguments):
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True)


def help_names_every_checkpoint():
    result = tool("import", "--help")
    check(result.returncode == 0 and all(name in result.stdout.split() for name in KNOWN), result)


class Hostile:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch '{self.path}'",)


def a_hostile_checkpoint_runs_nothing():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        touched = folder / "touched"
        text = pickle.dumps({"out.2.weight": Hostile(touched)}, protocol=2)
        pickle.loads(text)
        check(touched.exists(), "the pickle is not hostile")
        touched.unlink()

        checkpoint = folder / "64x64_diffusion.pt"
        with zipfile.ZipFile(checkpoint, "w") as archive:
            archive.writestr("archive/data.pkl", text)
        result = tool("import", checkpoint, "--out", folder / "package", "--name", "x")
        check(result.returncode == 1 and "names posix.system" in result.stderr, result)
        check(str(checkpoint) in result.stderr and not touched.exists(), result)


def errors_name_what_is_wrong():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        checkpoint = folder / "model.pt"
        checkpoint.write_bytes(b"nothing")
        result = tool("import", checkpoint, "--out", folder / "x", "--name", "x")
        check(result.returncode == 1 and "no checkpoint called model is known" in result.stderr, result)
        result = tool("import", checkpoint, "--as", "64x64_diffusion", "--out", folder / "x", "--name", "x")
        check(result.returncode == 1 and "neither a file of torch.save" in result.stderr, result)
        result = tool("import", checkpoint, "--as", "64x64_diffusion,64_256_upsampler", "--out", folder / "x",
                      "--name", "x")
        check(result.returncode == 1 and "--as needs one name a checkpoint (1), has 2" in result.stderr, result)
        # A pipeline that does not fit is told before anything is read.
        result = tool("import", checkpoint, checkpoint, "--as", "64x64_diffusion,128_512_upsampler", "--out",
                      folder / "x", "--name", "x")
        check(result.returncode == 1 and "low_resolution must be the stage before's resolution (64), is 128"
              in result.stderr, result)
        result = tool("import", checkpoint, "--as", "64x64_diffusion", "--out", folder / "y", "--name", "")
        check(result.returncode == 1 and "--name must not be empty" in result.stderr, result)
        check(not (folder / "y").exists(), "written before the arguments are checked")


def a_reference_checkpoint_becomes_a_package():
    checkpoint = REFERENCE / "unet_legacy_attention" / "checkpoint.pt"
    if not checkpoint.exists():
        print(f"left out: no {checkpoint}")
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        stage = folder / "stage.json"
        stage.write_text(json.dumps({
            "name": "16x16", "resolution": 16, "channels": 3,
            "network": {"model_channels": 32, "channel_mult": [1, 2], "num_res_blocks": 1,
                        "attention_downsampling": [1, 2], "num_heads": 4, "num_classes": 5},
            "diffusion": {"schedule": "linear", "variance": "learned_range"},
            "sampler": {"kind": "ddpm", "steps": 2},
        }))
        arguments = ("import", checkpoint, "--as", stage, "--out", folder / "package", "--name", "small")
        result = tool(*arguments)
        check(result.returncode == 1 and "16x16 has 5 classes: name them" in result.stderr, result)
        result = tool(*arguments, "--class_names", "a,b,c,d,e")
        check(result.returncode == 0, result)
        manifest = json.loads((folder / "package" / "cascade.json").read_text())
        check(manifest["class_names"] == list("abcde"), manifest)
        check(manifest["stages"][0]["imported_from"]["file"] == "checkpoint.pt", manifest)
        result = tool("sample", folder / "package", "--out", folder / "images", "--class", "3", "--count", "2")
        check(result.returncode == 0 and len(list((folder / "images").iterdir())) == 2, result)

        result = tool("import", checkpoint, "--as", "64x64_diffusion", "--out", folder / "x", "--name", "x")
        check(result.returncode == 1 and "tensor input_blocks.0.0.bias has shape [32], 64x64_diffusion has [192]"
              in result.stderr, result)


if __name__ == "__main__":
    sys.exit(run(help_names_every_checkpoint, a_hostile_checkpoint_runs_nothing, errors_name_what_is_wrong,
                 a_reference_checkpoint_becomes_a_package))
