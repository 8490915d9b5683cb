"""The cascades that are timed: all stages of a package, from noise to pixels in memory."""

import dataclasses
import json
import pathlib

import numpy

import networks
from serving import pipeline, sampler


@dataclasses.dataclass(frozen=True)
class Cascade:
    """All stages of the package in `folder`, of which a batch of images is timed."""
    folder: str
    kind = "cascade"
    stage = "all"
    # Of fp32 images from PyTorch's: a value between two levels may round either way.
    tolerance = 1
    unit = "in levels of 255"

    @staticmethod
    def distance(output, expected):
        """The largest difference, in levels of 255."""
        return int(numpy.abs(output.astype(int) - expected.astype(int)).max())

    def stages(self):
        """The manifest's."""
        return json.loads((pathlib.Path(self.folder) / "cascade.json").read_text())["stages"]

    def cost(self):
        """Parameters, and the operations of all networks for one image, as Network.cost() counts them."""
        parameters = flops = 0
        for index, entry in enumerate(self.stages()):
            cost = networks.read(self.folder, index).cost()
            evaluations = len(sampler.lines(entry["diffusion"], entry["sampler"])) * pipeline.rows_an_image(entry)
            parameters += cost["parameters"]
            flops += evaluations * cost["flops"]
        return {"parameters": parameters, "flops": flops}

    def asked(self, batch):
        """The classes and seeds of a batch: those of cascade_bench."""
        return [i % self.stages()[0]["network"]["num_classes"] for i in range(batch)], list(range(batch))

    def image_shape(self):
        last = self.stages()[-1]
        return last["resolution"], last["resolution"], last["channels"]


def named(name):
    """A package of models/zoo."""
    return Cascade(str(networks.PACKAGES[name]))
