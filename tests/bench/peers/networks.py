"""The networks that are timed: a stage of a package, or one made here of random weights; and their inputs."""

import dataclasses
import hashlib
import json
import pathlib

import numpy
import torch
from safetensors.torch import load_file, save_file

from unet import UNet, UNetShape

ROOT = pathlib.Path(__file__).resolve().parents[3]
PACKAGES = {name: ROOT / "models" / "zoo" / name / "package" for name in ("digits", "emoji")}
# 12.3 million parameters, in the kind of block that the published networks have.
MADE = {"model_channels": 64, "channel_mult": [1, 2, 3], "num_res_blocks": 2, "attention_downsampling": [2, 4],
        "num_head_channels": 32, "resblock_updown": True}
MADE_RESOLUTION = 32
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


@dataclasses.dataclass(frozen=True)
class Network:
    """One stage of the package in `folder`, a step of which is timed."""
    folder: str
    stage: int
    resolution: int
    shape: UNetShape
    weights: str
    kind = "step"
    # Of a fp32 output from PyTorch's.
    tolerance = 1e-4
    unit = "in its standard deviations"

    @staticmethod
    def distance(output, expected):
        """The largest difference, in standard deviations of the expected output."""
        return float(numpy.abs(output - expected).max() / expected.std())

    def unet(self):
        return UNet(self.shape).load({key: value.float() for key, value in load_file(self.weights).items()})

    def cost(self):
        """Parameters, and floating-point operations of one image's step: two for each multiplication and addition."""
        from torch.utils.flop_counter import FlopCounterMode
        unet = self.unet()
        with torch.inference_mode(), FlopCounterMode(display=False) as counter:
            unet(**self.inputs(1))
        return {"parameters": sum(parameter.numel() for parameter in unet.parameters()),
                "flops": counter.get_total_flops()}

    def inputs(self, batch):
        """The same for every engine, by the name that UNet.forward gives them."""
        shape = self.shape
        generator = torch.Generator().manual_seed(batch)
        image = (batch, shape.image_channels, self.resolution, self.resolution)
        inputs = {"x": torch.randn(image, generator=generator),
                  "timestep": torch.randint(1000, (batch,), generator=generator).float()}
        if shape.num_classes:
            inputs["class_id"] = torch.randint(shape.num_classes, (batch,), generator=generator)
        if shape.super_resolution:
            inputs["low_res"] = torch.randn(image, generator=generator).clamp(-1, 1)
        if shape.augmentation_embedding:
            inputs["augmentation"] = torch.randint(500, (batch,), generator=generator).float()
        return inputs


def laid_out(values, layout):
    """Images in the memory format of that name; anything else as it is."""
    return values.contiguous(memory_format=LAYOUTS[layout]) if values.dim() == 4 else values


def read(folder, stage):
    """A stage of a package, by its index."""
    folder = pathlib.Path(folder)
    entry = json.loads((folder / "cascade.json").read_text())["stages"][stage]
    learned = entry["diffusion"].get("variance") == "learned_range"
    shape = UNetShape(image_channels=entry["channels"], out_channels=entry["channels"] * (2 if learned else 1),
                      super_resolution="low_resolution" in entry,
                      augmentation_embedding="conditioning_augmentation" in entry, **entry["network"])
    return Network(str(folder), stage, entry["resolution"], shape, str(folder / entry["weights"]["file"]))


def named(name, scratch):
    """`made`, or PACKAGE:STAGE with the stage's index or name. What is made goes into the folder `scratch`."""
    if name == "made":
        return make(pathlib.Path(scratch))
    package, _, stage = name.partition(":")
    if package not in PACKAGES:
        raise ValueError(f"no network {name}: made, digits:STAGE or emoji:STAGE")
    stages = [entry["name"] for entry in json.loads((PACKAGES[package] / "cascade.json").read_text())["stages"]]
    if stage in stages:
        return read(PACKAGES[package], stages.index(stage))
    if stage.isdigit() and int(stage) < len(stages):
        return read(PACKAGES[package], int(stage))
    raise ValueError(f"no stage {stage!r} in {package}: {', '.join(stages)}, or their indices from 0")


def make(folder, seed=1):
    """Writes a package of one stage. No layer is zero, as some are before training, so that none hides an error."""
    generator = torch.Generator().manual_seed(seed)
    state = {key: random_weight(key, value, generator) for key, value in
             UNet(UNetShape(**MADE)).state_dict().items()}
    folder.mkdir(parents=True, exist_ok=True)
    save_file(state, folder / "made.safetensors")
    digest = hashlib.sha256((folder / "made.safetensors").read_bytes()).hexdigest()
    stage = {"name": "made", "resolution": MADE_RESOLUTION, "channels": 3, "network": MADE,
             "diffusion": {"schedule": "linear", "prediction": "eps"}, "sampler": {},
             "weights": {"file": "made.safetensors", "sha256": digest}}
    manifest = {"format": 1, "name": "made", "description": "Random weights", "class_names": [], "stages": [stage]}
    (folder / "cascade.json").write_text(json.dumps(manifest, indent=2) + "\n")
    return read(folder, 0)


def random_weight(key, like, generator):
    """Normal, scaled by fan-in; scales of norms around one; attention's convolutions in their published shape."""
    random = torch.randn(like.shape, generator=generator)
    if like.dim() == 1:
        return 1 + 0.1 * random if key.endswith("weight") else 0.1 * random
    weight = random / like[0].numel() ** 0.5
    return weight.squeeze(-1) if key.endswith(("qkv.weight", "proj_out.weight")) else weight
