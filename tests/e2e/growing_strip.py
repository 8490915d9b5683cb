"""Draws pictures like that at the top of README.md: images that a server made, from their first preview to the last stage.

    CASCADE_TEST_TOOLS=… tests/e2e/growing_strip.py OUT.png [--cascade emoji --classes 24,14 --seeds 7,8]

Not a test. One row an image: previews, then each stage's image, as a stock client receives them.
"""

import argparse
import struct
import zlib

from harness import SOURCE, Server, check, require_grpc, require_package, stubs

CELL, GAP = 64, 4
PREVIEWS = {0: 4, 1: 2, 2: 2}  # Of each stage, evenly spaced; then its image.
GREY = b"\x60"


def pictures(images, modules, cascade, class_id, seed):
    """[(stage, is_preview, width, bytes)] in the order they came."""
    api, image = modules["image_generation_service_pb2"], modules["image_pb2"]
    request = api.GenerateImageRequest(
        cascade=cascade, class_id=class_id, seed=seed,
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
    channels = len(rows[0][0][3]) // rows[0][0][2] ** 2
    width, height = columns * (CELL + GAP) + GAP, len(rows) * (CELL + GAP) + GAP
    pixels = [bytearray(GREY * channels * width) for _ in range(height)]
    for r, row in enumerate(rows):
        for c, (_, _, size, data) in enumerate(row):
            top, left = GAP + r * (CELL + GAP), GAP + c * (CELL + GAP)
            for y in range(CELL):
                line = data[(y * size // CELL) * size * channels:][:size * channels]
                pixels[top + y][left * channels:(left + CELL) * channels] = b"".join(
                    line[x * size // CELL * channels:][:channels] for x in range(CELL))
    return width, height, channels, pixels


def write_png(path, width, height, channels, rows):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    body = zlib.compress(b"".join(b"\0" + bytes(row) for row in rows), 9)
    colour_type = 0 if channels == 1 else 2
    header = struct.pack(">IIBBBBB", width, height, 8, colour_type, 0, 0, 0)
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b""))


def numbers(text):
    return [int(number) for number in text.split(",")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out")
    parser.add_argument("--cascade", default="digits", help="a folder of models/zoo")
    parser.add_argument("--classes", type=numbers, default=[3, 5, 7, 8], help="one a row")
    parser.add_argument("--seeds", type=numbers, default=[7], help="one a row; the last for the rows that are left")
    arguments = parser.parse_args()
    require_package()
    require_grpc()
    import grpc
    modules = stubs()
    package = SOURCE / "models" / "zoo" / arguments.cascade / "package"
    check(package.exists(), f"no package in {package}")
    flags = [] if arguments.cascade == "digits" else ["--cascade", f"{arguments.cascade}={package}"]
    with Server(*flags) as server, grpc.insecure_channel(server.address) as channel:
        images = modules["image_generation_service_pb2_grpc"].ImageGenerationServiceStub(channel)
        rows = [thinned(pictures(images, modules, arguments.cascade, class_id,
                                 arguments.seeds[min(row, len(arguments.seeds) - 1)]))
                for row, class_id in enumerate(arguments.classes)]
    write_png(arguments.out, *sheet(rows))


if __name__ == "__main__":
    main()
