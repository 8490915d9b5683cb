"""include_walls.py finds planted faults: a check that cannot fail proves nothing."""

import sys

from include_walls import check_file

PLANTED = {
    "server/scheduler/x.cc": '#include <torch/torch.h>',
    "server/job/x.h": '#include <grpcpp/grpcpp.h>',
    "server/encode/x.cc": '#include <opencv2/imgcodecs.hpp>',
    "models/nn/x.cc": '#include "server/job/job_event.h"',
    "models/sampling/x.cc": '#include <ATen/ATen.h>',
    "server/pipeline/x.cc": '#include "server/rpc/grpc_server.h"',
    "server/rpc/x.cc": '#include "server/pipeline/lane.h"',
    "client/x.cc": '#include "server/job/job_event.h"',
    "models/stage_spec.h": '#include <c10/core/Device.h>',
    "models/plot/x.cc": '#include "client/bench_plot.h"',
    "models/evaluation/x.cc": '#include "models/plot/plot_chart.h"',
    "server/base/x.h": '#include "server/metrics/metrics.h"',
    "tests/bench/x.cc": '#include <ATen/ATen.h>\n#include <grpcpp/grpcpp.h>',
    "server/scheduler/y.cc": '#include "step_policy.h"',
    "models/nn/y.cc": '#include "models/torch_pch.h"',
    "models/runtime/y.cc": '#include <c10/cuda/CUDAStream.h>',
    "models/runtime/z.cc": '#include "models/cuda/fused_norm.h"',
    "models/cuda/x.cu": '#include <ATen/core/Tensor.h>',
}
ALLOWED = {
    "server/rpc/x.cc": '#include "server/scheduler/generator.h"',
    "server/pipeline/x.cc": '#include "models/stage_executor.h"',
    "client/y.cc": '#include "models/plot/plot_chart.h"',
    "models/tool/x.cc": '#include "models/plot/plot_chart.h"',
    "models/torch_pch.h": '#include <ATen/ATen.h>',
    "models/cuda/y.cu": '#include <c10/util/Half.h>\n#include <cuda_runtime.h>',
    "models/runtime/loaded_stage.cc": '#include "models/cuda/serve_on_card.h"',
    "models/runtime/x.cc": '#include <ATen/ATen.h>\n#include "models/sampling/sampler_table.h"',
}


def main():
    missed = [path for path, text in PLANTED.items() if not check_file(path, text)]
    wrong = [path for path, text in ALLOWED.items() if check_file(path, text)]
    for path in missed:
        print(f"not found: {path}: {PLANTED[path]}")
    for path in wrong:
        print(f"refused: {path}: {check_file(path, ALLOWED[path])}")
    print(f"walls_are_tested: {len(PLANTED)} planted faults, {len(missed)} missed; {len(wrong)} good files refused")
    return 1 if missed or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
