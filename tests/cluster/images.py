"""The images that the node gets: there is no registry."""

import pathlib
import re
import shutil
import subprocess

import image_archive
from node import PAUSE

SOURCE = pathlib.Path(__file__).resolve().parents[2]
ZOO = SOURCE / "models" / "zoo"


def pause(folder):
    archive = pathlib.Path(folder) / "pause.tar"
    image_archive.write_pause(archive, PAUSE)
    return archive


def product_version():
    return re.search(r"project\(cascade VERSION (\S+)", (SOURCE / "CMakeLists.txt").read_text()).group(1)


def server(given, name, binaries, folder):
    """`given` as --image has it; the node knows it as `name`."""
    archive = pathlib.Path(folder) / "server.tar"
    if given == "host":
        image_archive.write_server(archive, name, pathlib.Path(binaries) / "cascade-server", pathlib.Path(binaries) / "cascade",
                                   ZOO)
    elif given is not None:
        image_archive.rename(given, archive, name)
    else:
        image_archive.rename(saved_by_engine(f"cascade-server:{product_version()}", archive.with_suffix(".engine")),
                             archive, name)
    return archive


def timed_server(name, binaries, folder):
    """tests/bench/timed_server.cc: the server with steps that only take time, for more pods than there are cores."""
    program = pathlib.Path(binaries).parent / "bench" / "timed_server"
    if not program.exists():
        raise RuntimeError(f"no {program}: ./serve --build-only does not make it, cmake --build --preset release does")
    archive = pathlib.Path(folder) / "timed.tar"
    image_archive.write_server(archive, name, program, pathlib.Path(binaries) / "cascade", ZOO)
    return archive


def saved_by_engine(image, archive):
    for engine in ("docker", "podman"):
        if shutil.which(engine) and subprocess.run([engine, "image", "inspect", image], capture_output=True).returncode == 0:
            subprocess.run([engine, "save", "--output", archive, image], check=True)
            return archive
    raise RuntimeError(f"no image {image}: build it (docker/README.md), or say --image FILE, or --image host")
