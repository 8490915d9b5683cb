"""Every cascade of models/zoo, as ./serve serves them: one server, an image of each, and what the model cards say of their size."""

import json
import pathlib
import re
import struct
import sys
import tempfile

from harness import SOURCE, Server, check, client, require_package, run

ZOO = SOURCE / "models" / "zoo"
PACKAGES = {path.parent.name: path for path in sorted(ZOO.glob("*/package"))}
MOST_BYTES = 60e6  # Of a package in the repository.


def events(*flags):
    result = client(SHARED, *flags, "--json")
    check(result.returncode == 0, result)
    return [json.loads(line) for line in result.stdout.splitlines()]


def all_are_served():
    check({cascade["name"] for cascade in events("list")} == set(PACKAGES), PACKAGES)


def each_draws_every_stage():
    for listed in events("list"):
        with tempfile.TemporaryDirectory() as scratch:
            made = events("generate", "--cascade", listed["name"], "--class", "0", "--seed", "1", "--out", scratch)
            check(made[-1]["event"] == "finished", made[-1])
            sizes = sorted(struct.unpack(">IIBB", path.read_bytes()[16:26]) for path in pathlib.Path(scratch).iterdir())
            # Grey or RGB, of 8 bits.
            color = 0 if listed["stages"][0]["channels"] == 1 else 2
            check(sizes == [(s["resolution"], s["resolution"], 8, color) for s in listed["stages"]], sizes)


def cards_tell_the_parameters():
    for name, package in PACKAGES.items():
        check(sum(path.stat().st_size for path in package.iterdir()) <= MOST_BYTES, f"{name} is too large")
        card = (ZOO / name / "README.md").read_text()
        for stage in json.loads((package / "cascade.json").read_text())["stages"]:
            content = (package / stage["weights"]["file"]).read_bytes()
            (length,) = struct.unpack("<Q", content[:8])
            tensors = json.loads(content[8:8 + length])
            tensors.pop("__metadata__", None)
            count = 0
            for tensor in tensors.values():
                size = 1
                for extent in tensor["shape"]:
                    size *= extent
                count += size
            check(re.search(rf"\| {stage['name']} \| {count:,} \|", card), f"{name}: {stage['name']} has {count:,} parameters")


if __name__ == "__main__":
    require_package()
    others = [f"--cascade={name}={package}" for name, package in PACKAGES.items() if name != "digits"]
    with Server(*others) as SHARED:
        sys.exit(run(all_are_served, each_draws_every_stage, cards_tell_the_parameters))
