"""The normals of an image, as functions of its seed: PyTorch's generator, or what the server counts (models/sampling).

initial(stage, shape) and augmentation(stage, shape) return (images, channels, height, width); shape is without images.
"""

import math

import numpy
import torch

INITIAL, AUGMENTATION = 0, 2  # NoisePurpose
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
WEYL = (0x9E3779B9, 0xBB67AE85)
LOW = numpy.uint64(0xFFFFFFFF)


class GeneratorNoise:
    """What a user of PyTorch would take: a generator for each image, in the order of the stages."""

    def __init__(self, seeds):
        self.generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def initial(self, stage, shape):
        return torch.stack([torch.randn(shape, generator=generator) for generator in self.generators])

    augmentation = initial


class CounterNoise:
    """The server's: Philox4x32-10 of (element, step, stage, purpose) under the seed, then Box and Muller."""

    def __init__(self, seeds):
        self.seeds = seeds

    def initial(self, stage, shape):
        return torch.stack([torch.from_numpy(normals(seed, stage, INITIAL, shape)) for seed in self.seeds])

    def augmentation(self, stage, shape):
        return torch.stack([torch.from_numpy(normals(seed, stage, AUGMENTATION, shape)) for seed in self.seeds])


def philox(counter, key):
    """Ten rounds; the counters are arrays of uint64 that hold 32 bits."""
    key = list(key)
    for _ in range(10):
        products = [counter[0] * numpy.uint64(MULTIPLIERS[0]), counter[2] * numpy.uint64(MULTIPLIERS[1])]
        high, low = [product >> numpy.uint64(32) for product in products], [product & LOW for product in products]
        counter = [high[1] ^ counter[1] ^ numpy.uint64(key[0]), low[1],
                   high[0] ^ counter[3] ^ numpy.uint64(key[1]), low[0]]
        key = [(word + weyl) & 0xFFFFFFFF for word, weyl in zip(key, WEYL)]
    return counter


def normals(seed, stage, purpose, shape):
    """float32, the elements numbered in C x H x W order."""
    blocks = numpy.arange((math.prod(shape) + 3) // 4, dtype=numpy.uint64)
    counter = [blocks, *(numpy.full_like(blocks, word) for word in (0, stage, purpose))]
    uniforms = [(bits + 0.5) / 2 ** 32 for bits in philox(counter, (seed & 0xFFFFFFFF, seed >> 32))]
    pairs = [numpy.sqrt(-2 * numpy.log(radius)) * turn(2 * math.pi * angle)
             for radius, angle in (uniforms[:2], uniforms[2:]) for turn in (numpy.cos, numpy.sin)]
    return numpy.stack(pairs, axis=1).astype(numpy.float32).ravel()[:math.prod(shape)].reshape(shape)
