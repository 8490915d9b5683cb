"""Container images as docker-archive files, written without a container engine: one layer of given files."""

import hashlib
import io
import json
import pathlib
import re
import subprocess
import tarfile
import tempfile

HERE = pathlib.Path(__file__).resolve().parent


def add_bytes(archive, name, data, mode=0o644):
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(data), mode
    archive.addfile(entry, io.BytesIO(data))


def add_tree(layer, source, target):
    """A file or folder as `target`, with links followed: the image must not point at what it lacks."""
    source = pathlib.Path(source)
    files = sorted(path for path in source.rglob("*") if path.is_file()) if source.is_dir() else [source]
    for file in files:
        name = str(pathlib.Path(target) / file.relative_to(source)) if source.is_dir() else str(target)
        entry = tarfile.TarInfo(name.lstrip("/"))
        entry.size, entry.mode = file.stat().st_size, 0o755 if file.stat().st_mode & 0o100 else 0o644
        with file.open("rb") as content:
            layer.addfile(entry, content)


def write(archive, name, trees, entrypoint, user, texts=()):
    """Writes the image `name` with `trees` [(source, target)] and `texts` [(target, text)]."""
    with tempfile.TemporaryFile() as layer_file:
        with tarfile.open(fileobj=layer_file, mode="w") as layer:
            for source, target in trees:
                add_tree(layer, source, target)
            for target, text in texts:
                add_bytes(layer, target.lstrip("/"), text.encode())
        layer_file.seek(0)
        digest = hashlib.file_digest(layer_file, "sha256").hexdigest()
        size = layer_file.tell()
        layer_file.seek(0)
        config = json.dumps({
            "architecture": "amd64", "os": "linux",
            "config": {"Entrypoint": entrypoint, "User": user, "Env": ["PATH=/usr/local/bin:/usr/bin:/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]}, "history": [{"created_by": "tests/cluster"}],
        }).encode()
        with tarfile.open(archive, "w") as image:
            entry = tarfile.TarInfo("layer.tar")
            entry.size = size
            image.addfile(entry, layer_file)
            add_bytes(image, "config.json", config)
            add_bytes(image, "manifest.json", json.dumps(
                [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]).encode())


def rename(archive, target, name):
    """A copy of a docker-archive whose one image is called `name`."""
    with tarfile.open(archive) as source, tarfile.open(target, "w") as copy:
        for entry in source:
            if entry.name == "repositories":
                continue
            content = source.extractfile(entry) if entry.isfile() else None
            if entry.name == "manifest.json":
                (image,) = json.load(content)
                add_bytes(copy, entry.name, json.dumps([{**image, "RepoTags": [name]}]).encode())
            else:
                copy.addfile(entry, content)


def write_pause(archive, name):
    """What holds a pod's namespaces."""
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "pause"
        subprocess.run(["gcc", "-O2", "-static", "-o", program, HERE / "pause.c"], check=True)
        write(archive, name, [(program, "/pause")], ["/pause"], "65535:65535")


def libraries(program):
    """The shared objects that a program loads, the loader among them."""
    said = subprocess.run(["ldd", program], check=True, capture_output=True, text=True).stdout
    missing = re.findall(r"(\S+) => not found", said)
    if missing:
        raise RuntimeError(f"{program} lacks {missing}")
    return set(re.findall(r"(?:=> |^\s*)(/\S+)", said, re.MULTILINE))


def write_server(archive, name, program, client, zoo):
    """A server of the host with the host's libraries and the packages of models/zoo: the layout of docker/Dockerfile
    without its build, to try a chart in seconds."""
    programs = {"cascade-server": pathlib.Path(program), "cascade": pathlib.Path(client)}
    shared = set().union(*(libraries(path) for path in programs.values()))
    trees = [(path, f"/usr/local/bin/{target}") for target, path in programs.items()]
    trees += [(path, path) for path in sorted(shared)]
    trees += [(package, f"/models/{package.parent.name}") for package in sorted(pathlib.Path(zoo).glob("*/package"))]
    write(archive, name, trees, ["/usr/local/bin/cascade-server"], "10001:10001",
          [("/etc/passwd", "cascade:x:10001:10001::/:/\n"), ("/etc/nsswitch.conf", "hosts: files dns\n")])
