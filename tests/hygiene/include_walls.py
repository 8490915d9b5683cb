"""Who may include whom: the three worlds, and the arrow of the flow (server/README.md).

A source file sees LibTorch or protobuf/gRPC or neither, and a folder includes only the folders that the table names.
What CMake precompiles for others (x_pch.h) is named there only, and included by nobody.
"""

import re
import sys

from sources import files, report

INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')

TORCH = ("torch/", "ATen/", "c10/", "caffe2/")
PROTO = ("grpc/", "grpcpp/", "google/", "grpc++/", "proto/")
OPENCV = ("opencv2/",)

# Where LibTorch may be seen. models/*.h and models/sampling/ stay plain.
TORCH_FOLDERS = ("models/nn", "models/plan", "models/weights", "models/runtime", "models/cuda", "models/training", "models/evaluation",
                 "models/tool", "tests/parity", "tests/unit/models", "tests/bench", "tests/gpu")
PROTO_FOLDERS = ("server/rpc", "client", "tests/integration", "tests/unit/rpc", "tests/unit/client", "tests/bench",
                 "tests/support", "proto")
# The one wall around OpenCV.
OPENCV_FILES = ("models/image_codec.cc",)

# The wall that LibTorch's exceptions stop at; every folder of that world may lean on it.
TORCH_WALL = "models/runtime/torch_status.h"

# How a stage gets onto a card; nothing else of models/cuda is for others.
SERVE_ON_CARD = "models/cuda/serve_on_card.h"

# CUDA is seen in models/cuda only, and LibTorch is not in kernels, but for its half-precision types: nvcc is slow.
CUDA = ("cuda", "c10/cuda/", "ATen/cuda/")
CUDA_FOLDERS = ("models/cuda", "tests/gpu", "tests/bench")
KERNEL_TORCH = ("c10/util/BFloat16.h", "c10/util/Half.h", "c10/macros/Macros.h")

# folder -> what of ours it may include, beside itself, server/base and server/metrics.
MODELS_PUBLIC = "models/*.h"
ALLOWED = {
    "server/base": [],
    "server/metrics": [],
    "server/http": [],
    "server/job": [MODELS_PUBLIC, "models/sampling"],
    "server/scheduler": ["server/job", MODELS_PUBLIC, "models/sampling"],
    "server/encode": ["server/job", MODELS_PUBLIC],
    "server/pipeline": ["server/scheduler", "server/job", "server/encode", MODELS_PUBLIC, "models/sampling"],
    "server/rpc": ["server/scheduler", "server/job", "proto", MODELS_PUBLIC, "models/sampling"],
    "client": ["proto", "models/plot"],
    "models/plot": [],
    "models/sampling": [],
    "models/nn": ["models/sampling", MODELS_PUBLIC],
    "models/plan": ["models/nn", MODELS_PUBLIC],
    "models/weights": ["models/nn", "models/sampling", MODELS_PUBLIC, TORCH_WALL],
    "models/import": ["models/weights", "models/nn", "models/sampling", MODELS_PUBLIC],
    "models/runtime": ["models/plan", "models/nn", "models/weights", "models/sampling", SERVE_ON_CARD, MODELS_PUBLIC],
    "models/cuda": ["models/nn", "models/runtime", "models/sampling", "server/base/mutex.h", MODELS_PUBLIC],
    "models/training": ["models/nn", "models/weights", "models/runtime", "models/sampling", MODELS_PUBLIC],
    "models/evaluation": ["models/training", "models/nn", "models/weights", "models/runtime", "models/sampling",
                          MODELS_PUBLIC],
    "models/tool": ["models/import", "models/evaluation", "models/training", "models/nn", "models/weights", "models/runtime",
                    "models/sampling", "models/plot", MODELS_PUBLIC],
}
EVERYONE = ("server/base/", "server/metrics/")


def folder_of(path):
    parts = path.split("/")
    if parts[0] in ("client", "proto"):
        return parts[0]
    return "/".join(parts[:-1][:3 if parts[0] == "tests" else 2])


def world(path, folders):
    return any(path.startswith(folder + "/") for folder in folders)


def is_public_models_header(name):
    return re.fullmatch(r"models/[^/]+\.h", name) is not None


def may_include(folder, name):
    if name.startswith(folder + "/"):
        return True
    if name == "server/base/status_macros.h":
        return True
    if folder.startswith("server/") and name.startswith(EVERYONE):
        return folder != "server/base" or name.startswith("server/base/")
    for allowed in ALLOWED[folder]:
        if allowed == MODELS_PUBLIC and is_public_models_header(name):
            return True
        if name == allowed or name.startswith(allowed + "/"):
            return True
    return False


def check_file(path, text):
    problems = []
    if path.endswith("_pch.h"):
        return problems
    folder = folder_of(path)
    seen = set()
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        name = match.group(2)
        where = f"{path}:{number}: "
        if name.startswith(CUDA) and not world(path, CUDA_FOLDERS) and path != "models/runtime/torch_device.cc":
            problems.append(where + f"CUDA ({name}) outside of its world")
        if name.startswith(TORCH) and path.endswith(".cu") and name not in KERNEL_TORCH:
            problems.append(where + f"LibTorch ({name}) in a kernel")
        if name.startswith(TORCH):
            seen.add("torch")
            if not world(path, TORCH_FOLDERS):
                problems.append(where + f"LibTorch ({name}) outside of its world")
        elif name.startswith(PROTO) or name.endswith((".pb.h", ".grpc.pb.h")):
            seen.add("proto")
            if not world(path, PROTO_FOLDERS):
                problems.append(where + f"gRPC or protobuf ({name}) outside of its world")
        elif name.startswith(OPENCV) and path not in OPENCV_FILES:
            problems.append(where + f"OpenCV ({name}) outside of {', '.join(OPENCV_FILES)}")
        ours = match.group(1) == '"' and name.split("/")[0] in ("server", "models", "client", "proto")
        if name.startswith("server/rpc/") and folder != "server/rpc" and not path.startswith("tests/") \
                and path not in ("server/server.cc", "server/server.h"):
            problems.append(where + "only server/server.cc includes server/rpc")
        elif ours and folder in ALLOWED and not may_include(folder, name):
            problems.append(where + f"{folder} may not include {name}")
        if name.endswith("_pch.h"):
            problems.append(where + f"{name} is not to be included")
        if match.group(1) == '"' and "/" not in name:
            problems.append(where + f'"{name}" is not a path from the root')
    if seen == {"torch", "proto"}:
        problems.append(f"{path}: sees LibTorch and protobuf at once")
    if path.startswith("models/") and path.count("/") == 1 and path.endswith(".h") and "torch" in seen:
        problems.append(f"{path}: public headers of models/ are torch-free")
    return problems


def main(root):
    problems, checked = [], 0
    for path in files(root, ".h", ".cc", ".cu"):
        name = str(path.relative_to(root))
        folder = folder_of(name)
        if name.startswith(("server/", "models/")) and name.count("/") > 1 and folder not in ALLOWED:
            problems.append(f"{name}: folder {folder} is not in the table of {__file__}")
        problems += check_file(name, path.read_text())
        checked += 1
    return report("include_walls", problems, checked)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
