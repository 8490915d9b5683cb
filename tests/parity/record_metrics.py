#!/usr/bin/env python3
"""Writes metrics.safetensors: made features, and what torch-fidelity and pytorch-fid say about them.

metrics_parity_test.cc compares with it. The libraries need PyTorch in Python with all its CUDA libraries, several
gigabytes, for a few lines of NumPy and SciPy; so their answers are recorded. To record them again, in an environment
with torch 2.0.1, torchvision 0.15.2, torch-fidelity 0.4.0, pytorch-fid 0.3.0, scipy 1.14.1 and numpy 1.26.4:

    tests/parity/record_metrics.py tests/parity/metrics.safetensors
"""

import json
import struct
import sys
from importlib.metadata import version

import numpy as np
import torch
from pytorch_fid.fid_score import calculate_frechet_distance
from torch_fidelity.metric_fid import fid_features_to_statistics, fid_statistics_to_metric
from torch_fidelity.metric_isc import isc_features_to_metric
from torch_fidelity.metric_kid import kid_features_to_metric
from torch_fidelity.metric_prc import prc_features_to_metric

LIBRARIES = ("torch-fidelity", "pytorch-fid", "torch", "scipy", "numpy")


def mixture(rng, count, dimensions, shift, rank):
    """Correlated features of a low rank, with a shift."""
    basis = np.random.default_rng(7).normal(size=(rank, dimensions))
    scale = rng.uniform(0.5, 1.5, size=rank)
    return (rng.normal(size=(count, rank)) * scale @ basis + shift).astype(np.float32)


def sets(rng):
    """Name -> two sets of features, of one size: then the subsets of the KID can be all images."""
    yield "gaussian", mixture(rng, 500, 16, 0.0, 16), mixture(rng, 500, 16, 0.02, 16)
    # As activations are: not negative, many zeros, far from the origin in some dimensions.
    offset = np.linspace(0, 20, 48)
    yield "rectified", np.maximum(mixture(rng, 300, 48, -1.0, 24) + offset, 0).astype(np.float32), \
        np.maximum(mixture(rng, 300, 48, 0.5, 24) + offset, 0).astype(np.float32)
    # Fewer images than dimensions: covariances without full rank.
    yield "few", mixture(rng, 60, 128, 0.0, 128), mixture(rng, 60, 128, 1.0, 128)


def distributions(rng, count, classes):
    logits = rng.normal(size=(count, classes)).astype(np.float32) * 3
    return logits, torch.softmax(torch.from_numpy(logits), dim=1).numpy()


def measure(first, second):
    a, b = torch.from_numpy(first), torch.from_numpy(second)
    wide = first.astype(np.float64), second.astype(np.float64)
    moments = [(np.mean(rows, axis=0), np.cov(rows, rowvar=False)) for rows in wide]
    kid = kid_features_to_metric(a.double(), b.double(), kid_subsets=1, kid_subset_size=len(first), kid_degree=3,
                                 kid_gamma=None, kid_coef0=1, rng_seed=2020, verbose=False)
    prc = prc_features_to_metric(a.double(), b.double(), prc_neighborhood=3, prc_batch_size=1000, save_cpu_ram=False, verbose=False)
    return {
        "fid_torch_fidelity": fid_statistics_to_metric(
            fid_features_to_statistics(a.double()), fid_features_to_statistics(b.double()), verbose=False)[
                "frechet_inception_distance"],
        "fid_pytorch_fid": calculate_frechet_distance(*moments[0], *moments[1]),
        "kid": kid["kernel_inception_distance_mean"],
        # The first set is the generated one.
        "precision": prc["precision"],
        "recall": prc["recall"],
    }


def write_safetensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, values in sorted(tensors.items()):
        kind = {"float32": "F32", "float64": "F64"}[str(values.dtype)]
        raw = np.ascontiguousarray(values).tobytes()
        header[name] = {"dtype": kind, "shape": list(values.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def main(path):
    rng = np.random.default_rng(2026)
    tensors = {}
    for name, first, second in sets(rng):
        tensors[f"{name}.first"], tensors[f"{name}.second"] = first, second
        for metric, value in measure(first, second).items():
            print(f"{name:10} {metric:20} {value:.10g}")
            tensors[f"{name}.{metric}"] = np.array([value], dtype=np.float64)
    logits, probabilities = distributions(rng, 300, 12)
    score = isc_features_to_metric(torch.from_numpy(logits), splits=1, shuffle=False)["inception_score_mean"]
    print(f"inception score {score:.10g}")
    tensors["probabilities"] = probabilities
    tensors["inception_score"] = np.array([score], dtype=np.float64)
    write_safetensors(path, tensors, {library: version(library) for library in LIBRARIES})


if __name__ == "__main__":
    main(sys.argv[1])
