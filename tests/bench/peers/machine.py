"""What the figures were measured on."""

import datetime
import importlib.metadata
import os
import pathlib
import platform
import subprocess

FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_tile", "amx_bf16")
PACKAGES = ("torch", "openvino", "onnxruntime", "onnx", "numpy")


def cores():
    """As many as this process may use."""
    return len(os.sched_getaffinity(0))


def processor():
    """Model and those of its abilities that matter here."""
    lines = [line.partition(":") for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()]
    fields = {name.strip(): value.strip() for name, _, value in reversed(lines)}
    flags = fields.get("flags", "").split()
    return {"model": fields.get("model name", platform.processor()),
            "flags": [flag for flag in FLAGS if flag in flags], "lacks": [flag for flag in FLAGS if flag not in flags]}


def facts(root, packages=PACKAGES):
    revision = subprocess.run(["git", "-C", root, "describe", "--always", "--dirty", "--exclude", "*"],
                              capture_output=True, text=True)
    return {"processor": processor(), "cores": cores(), "load_average": os.getloadavg()[0],
            "python": platform.python_version(),
            "versions": {name: importlib.metadata.version(name) for name in packages},
            "revision": revision.stdout.strip(), "date": datetime.date.today().isoformat()}


def sentence(facts):
    processor = facts["processor"]
    lacks = f" (no {', '.join(processor['lacks'])})" if processor["lacks"] else ""
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    return (f"{facts['cores']} cores of {processor['model']} with {', '.join(processor['flags'])}{lacks}, load "
            f"{facts['load_average']:.1f} before; Python {facts['python']}, {versions}; revision {facts['revision']}; "
            f"{facts['date']}.")
