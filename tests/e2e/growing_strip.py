"""Draws the picture at the top of README.md: digits that a server made, from their first preview to 32x32.

    CASCADE_TEST_TOOLS=… tests/e2e/growing_strip.py OUT.png [SEED]

Not a test. One row a digit: previews, then each stage's image, as a stock client receives them.
"""

import struct
import sys
import zlib

from harness import Server, require_grpc, require_package, stubs

CLASSES = (3, 5, 7, 8)
CELL, GAP = 64, 4
PREVIEWS = {0: 4, 1: 2, 2: 2}  # Of each stage, evenly spaced; then its image.


def pictures(images, modules, class_id, seed):
    """[(stage, is_preview, width, grey bytes)] in the order they came."""
    api, image = modules["image_generation_service_pb2"], modules["image_pb2"]
    request = api.GenerateImageRequest(
        cascade="digits", class_id=class_id, seed=seed,
        output={"preview_every_steps": 1, "format": image.IMAGE_FORMAT_RAW})
    result = []
    for response in images.GenerateImage(request):
        kind = response.WhichOneof("event")
        if kind in ("preview", "stage_image"):
            event = getattr(response, kind)
            result.append((event.stage, kind == "preview", event.image.width, event.image.data))
    return result


def thinned(all_pictures):
    kept = []
    for stage, count in PREVIEWS.items():
        previews = [p for p in all_pictures if p[0] == stage and p[1]]
        kept += [previews[i * len(previews) // count] for i in range(min(count, len(previews)))]
        kept += [p for p in all_pictures if p[0] == stage and not p[1]]
    return kept


def sheet(rows):
    columns = max(map(len, rows))
    width, height = columns * (CELL + GAP) + GAP, len(rows) * (CELL + GAP) + GAP
    pixels = [bytearray(b"\x60" * width) for _ in range(height)]
    for r, row in enumerate(rows):
        for c, (_, _, size, grey) in enumerate(row):
            top, left = GAP + r * (CELL + GAP), GAP + c * (CELL + GAP)
            for y in range(CELL):
                line = grey[(y * size // CELL) * size:][:size]
                pixels[top + y][left:left + CELL] = bytes(line[x * size // CELL] for x in range(CELL))
    return width, height, pixels


def write_png(path, width, height, rows):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    body = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 9)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)) +
                   chunk(b"IDAT", body) + chunk(b"IEND", b""))


def main():
    require_package()
    require_grpc()
    import grpc
    out, seed = sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 7
    modules = stubs()
    with Server() as server, grpc.insecure_channel(server.address) as channel:
        images = modules["image_generation_service_pb2_grpc"].ImageGenerationServiceStub(channel)
        rows = [thinned(pictures(images, modules, class_id, seed)) for class_id in CLASSES]
    write_png(out, *sheet(rows))


if __name__ == "__main__":
    main()
