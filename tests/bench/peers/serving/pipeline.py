"""The whole cascade of a package around its networks, for a batch of images: the loop of every peer.

A network is a function of what UNet.forward takes, by name, and returns its output; whatever runs it.
"""

import json
import pathlib

import torch
from torch.nn import functional

import networks
from serving import sampler


def torch_network(layout="contiguous", compiled=False):
    """Makes networks PyTorch modules, for any number of images."""
    def make(network, rows_an_image):
        unet = network.unet().to(memory_format=networks.LAYOUTS[layout])
        return torch.compile(unet, fullgraph=True, dynamic=False) if compiled else unet
    return make


def rows_an_image(entry):
    """Of a network in a stage of cascade.json: two under guidance."""
    return 2 if entry["sampler"]["guidance_scale"] != 1 else 1


class Stage:
    """One network and its table of lines, with the manifest's defaults."""

    def __init__(self, index, entry, network, layout):
        self.index = index
        self.shape = (entry["channels"], entry["resolution"], entry["resolution"])
        self.lines = sampler.lines(entry["diffusion"], entry["sampler"])
        self.scale = entry["sampler"]["guidance_scale"]
        self.guided = rows_an_image(entry) == 2
        self.null_class = entry["network"]["num_classes"]
        self.layout = layout
        self.augmentation = (sampler.augmentation(entry["conditioning_augmentation"])
                             if "conditioning_augmentation" in entry else None)
        self.network = network

    def sample(self, class_ids, low_res, noise):
        """Images within -1..1, from those of the lower stage, if there is one."""
        x = noise.initial(self.index, self.shape)
        inputs = {}
        if low_res is not None:
            signal, strength, told = self.augmentation
            low_res = signal * low_res + strength * noise.augmentation(self.index, low_res.shape[1:])
            inputs["low_res"] = self._rows(functional.interpolate(low_res, self.shape[1:], mode="bilinear"))
            inputs["augmentation"] = self._rows(torch.full((len(x),), float(told)))
        nobody = torch.full_like(class_ids, self.null_class)
        inputs["class_id"] = torch.cat([class_ids, nobody]) if self.guided else class_ids
        last_x0 = torch.zeros_like(x)
        for line in self.lines:
            x0 = (line.c_x * x + line.c_out * self._output(x, line, inputs)).clamp(-1, 1)
            x = line.a * x + line.b[0] * x0 + line.b[1] * last_x0
            last_x0 = x0
        return x

    def _rows(self, values):
        return networks.laid_out(torch.cat([values, values]) if self.guided else values, self.layout)

    def _output(self, x, line, inputs):
        rows = self._rows(x)
        output = self.network(x=rows, timestep=torch.full((len(rows),), float(line.timestep)), **inputs)
        if not self.guided:
            return output
        conditional, unconditional = output.chunk(2)
        return unconditional + self.scale * (conditional - unconditional)


class Pipeline:
    """make_network(network, rows_an_image) makes a stage's networks.Network a function; images are given to it in
    `layout`. With `buckets`, ascending, only batches of these sizes are run, and others padded to the next one. Not
    thread-safe: PyTorch's settings are the process's."""

    def __init__(self, folder, make_network, layout="contiguous", buckets=()):
        torch.set_grad_enabled(False)
        self.buckets = buckets
        if buckets:
            from torch import _dynamo
            # Each bucket is a compilation of its own.
            _dynamo.config.recompile_limit = 4 * len(buckets)
        entries = json.loads((pathlib.Path(folder) / "cascade.json").read_text())["stages"]
        self.num_classes = entries[0]["network"]["num_classes"]
        self.stages = [Stage(index, entry, make_network(networks.read(folder, index), rows_an_image(entry)), layout)
                       for index, entry in enumerate(entries)]

    def sample(self, class_ids, seeds, noise_of):
        """The last stage's 8-bit images, (images, height, width, channels); noise_of makes the noise of seeds."""
        images = len(class_ids)
        missing = next((bucket for bucket in self.buckets if bucket >= images), images) - images
        class_ids = torch.tensor([*class_ids, *[0] * missing])
        noise = noise_of([*seeds, *[0] * missing])
        image = None
        for stage in self.stages:
            image = stage.sample(class_ids, image, noise)
        return pixels(image[:images])

    def warm_up(self, batches, noise_of):
        """Runs the batches that will be served, so that nothing is compiled later."""
        for batch in batches:
            self.sample([0] * batch, list(range(batch)), noise_of)


def pixels(images):
    """-1..1 to 0..255, rounded to the nearest."""
    return ((images.clamp(-1, 1) + 1) * 127.5 + 0.5).to(torch.uint8).permute(0, 2, 3, 1).contiguous().numpy()
