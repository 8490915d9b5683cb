"""The virtual environment that the engines run in, made once a machine, and added to when more is required."""

import os
import pathlib
import subprocess
import sys

CACHE = pathlib.Path(os.environ.get("CASCADE_CACHE", pathlib.Path.home() / ".cache" / "cascade"))
VENV = CACHE / "peers-1"
# torch as the project's LibTorch, with the CUDA libraries that its wheel cannot be loaded without.
REQUIREMENTS = ("torch==2.11.0", "openvino==2026.4.1", "onnxruntime==1.32.0", "onnx==1.23.2", "onnxscript==0.7.2",
                "safetensors==0.8.0", "numpy==2.4.6", "litserve==0.2.19", "grpcio==1.85.3", "grpcio-tools==1.85.1",
                "fastapi==0.165.0", "uvicorn==0.54.0", "aiohttp==3.14.5", "pillow==13.0.0")


def go_on_in_venv():
    """Makes the virtual environment and runs this command under its Python."""
    if pathlib.Path(sys.prefix) == VENV:
        return
    installed = VENV / "installed"
    if not installed.exists() or installed.read_text() != "\n".join(REQUIREMENTS):
        print(f"installing {' '.join(REQUIREMENTS)} into {VENV}", file=sys.stderr, flush=True)
        subprocess.run(["/usr/bin/python3", "-m", "venv", VENV], check=True)
        subprocess.run([VENV / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *REQUIREMENTS],
                       check=True)
        installed.write_text("\n".join(REQUIREMENTS))
    os.execv(VENV / "bin" / "python", [VENV / "bin" / "python", "-B", *sys.argv])
