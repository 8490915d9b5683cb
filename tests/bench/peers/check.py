#!/usr/bin/env python3
"""Compares unet.py with the tensors recorded from the reference implementation.

    tests/bench/peers/check.py [--reference FOLDER]
"""

import argparse
import json
import pathlib
import sys

import environment

TOLERANCE = 1e-4
REFERENCE = pathlib.Path(__file__).resolve().parents[4] / "shared" / "reference"


def shape_of(config):
    """What guided-diffusion's constructor arguments are called in cascade.json."""
    from unet import UNetShape
    return UNetShape(
        image_channels=config["in_channels"], out_channels=config["out_channels"],
        model_channels=config["model_channels"], channel_mult=tuple(config["channel_mult"]),
        num_res_blocks=config["num_res_blocks"], attention_downsampling=tuple(config["attention_resolutions"]),
        num_heads=config["num_heads"], num_head_channels=max(0, config.get("num_head_channels", -1)),
        attention_order="new" if config.get("use_new_attention_order") else "legacy",
        num_classes=config["num_classes"] or 0, scale_shift_norm=config["use_scale_shift_norm"],
        resblock_updown=config["resblock_updown"], conv_resample=config.get("conv_resample", True),
        super_resolution=config["class"] == "SuperResModel")


def error_of(folder):
    """The largest difference from the recorded output, in standard deviations of it."""
    import torch
    from safetensors.torch import load_file
    from unet import UNet
    shape = shape_of(json.loads((folder / "config.json").read_text()))
    unet = UNet(shape).load(load_file(folder / "weights.safetensors"))
    io = load_file(folder / "io.safetensors")
    inputs = {"x": io["x"], "timestep": io["t"].float()}
    if shape.num_classes:
        inputs["class_id"] = io["y"]
    if shape.super_resolution:
        inputs["low_res"] = torch.nn.functional.interpolate(io["low_res"], io["x"].shape[-2:], mode="bilinear")
    with torch.inference_mode():
        return float((unet(**inputs) - io["out"]).abs().max() / io["out"].std())


def check(reference):
    """Prints each network's error and returns whether all are within the tolerance."""
    folders = sorted(config.parent for config in pathlib.Path(reference).glob("*/config.json"))
    if not folders:
        print(f"no recorded networks in {reference}")
        return False
    errors = {folder.name: error_of(folder) for folder in folders}
    for name, error in errors.items():
        print(f"{name:<24} {error:.1e} {'ok' if error <= TOLERANCE else f'more than {TOLERANCE:.0e}'}")
    return max(errors.values()) <= TOLERANCE


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--reference", default=REFERENCE, help="the recorded tensors (default: beside the repository)")
    options = parser.parse_args()
    environment.go_on_in_venv()
    return 0 if check(options.reference) else 1


if __name__ == "__main__":
    sys.exit(main())
