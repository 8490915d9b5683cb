"""The peer makes the server's images: from the same noise in one process, and through HTTP from its own."""

import asyncio
import io

import numpy
from harness import PACKAGE

from serving import noise, pipeline, servers, setting

# Of 256 levels: a value between two of them may round either way.
TOLERANCE = 1
CLASS_IDS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 3, 7)
SEEDS = (3, 2 ** 40 + 7, 11, 12345, 2 ** 63, 1, 0, 99, 2 ** 32, 7, 8, 2 ** 64 - 1)


def pixels_of(png):
    from PIL import Image
    return numpy.asarray(Image.open(io.BytesIO(png)))[:, :, None]


def served(server, seeds):
    """The server's images, all asked for at once."""
    async def go():
        async with server.client() as image:
            answers = await asyncio.gather(*(image(*pair) for pair in zip(CLASS_IDS, seeds)))
            return numpy.stack([pixels_of(answer) for answer in answers])
    with servers.awake(server):
        return asyncio.run(go())


def distance(left, right):
    return int(numpy.abs(left.astype(int) - right.astype(int)).max())


def check(names):
    """Prints the largest differences in pixels, and returns whether all are within rounding."""
    reference = pipeline.Pipeline(PACKAGE, pipeline.torch_network())
    distances = {}
    with servers.started([servers.Ours]) as (ours,):
        expected = reference.sample(CLASS_IDS, SEEDS, noise.CounterNoise)
        distances["PyTorch pipeline, server's noise: from the server"] = distance(served(ours, SEEDS), expected)
    seeds = [seed % 2 ** 63 for seed in SEEDS]
    expected = reference.sample(CLASS_IDS, seeds, noise.GeneratorNoise)
    for name in names:
        with servers.started([lambda: servers.Peer(setting.read(name))]) as (peer,):
            distances[f"LitServe {name}: from the PyTorch pipeline"] = distance(served(peer, seeds), expected)
    for what, value in distances.items():
        print(f"{what}: {value} of 255 {'ok' if value <= TOLERANCE else f'more than {TOLERANCE}'}")
    return max(distances.values()) <= TOLERANCE
