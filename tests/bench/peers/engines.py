"""What runs a step: one class an engine.

prepare(network, precision, batch, threads) makes everything that can be made before the first step, and step() runs one
and returns its seconds. output() is the network's output as float32, or None where the engine does not tell it.
Precision is fp32 or bf16. A worker process holds one engine.
"""

import os
import pathlib
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
OURS = "build/bench/plan_bench"


class LeftOut(Exception):
    """The engine cannot take part; the message says why."""


class Eager:
    """PyTorch as it is, in one of two memory formats. In bf16 the weights are bfloat16."""

    def __init__(self, layout):
        self.layout = layout

    def prepare(self, network, precision, batch, threads):
        import torch
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        torch.set_grad_enabled(False)
        memory_format = getattr(torch, {"contiguous": "contiguous_format"}.get(self.layout, self.layout))
        self.unet = network.unet().to(torch.bfloat16 if precision == "bf16" else torch.float32)
        self.unet = self.unet.to(memory_format=memory_format)
        self.inputs = {name: value.contiguous(memory_format=memory_format) if value.dim() == 4 else value
                       for name, value in network.inputs(batch).items()}
        self.run = self.unet

    def step(self):
        begin = time.perf_counter()
        self.result = self.run(**self.inputs)
        return time.perf_counter() - begin

    def output(self):
        return self.result.contiguous().numpy()


class Compiled(Eager):
    """torch.compile with frozen weights, for these shapes alone."""

    def __init__(self, layout, mode="default"):
        super().__init__(layout)
        self.mode = mode

    def prepare(self, network, precision, batch, threads):
        import sysconfig
        import torch
        import torch._inductor.config
        header = pathlib.Path(sysconfig.get_path("include")) / "Python.h"
        if not header.exists():
            raise LeftOut(f"torch.compile needs {header}: install python3-dev")
        super().prepare(network, precision, batch, threads)
        torch._inductor.config.freezing = True
        self.run = torch.compile(self.unet, mode=self.mode, fullgraph=True, dynamic=False)


class Exported:
    """What runs the network from an ONNX file for these shapes. The engines of a run share the files in `folder`."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def export(self, network, inputs, batch):
        """The file's path. Its opset is the one that torch exports by default."""
        import logging
        import torch
        file = self.folder / f"unet-{batch}.onnx"
        if not file.exists():
            logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # It misses torchvision, which nobody uses here.
            torch.onnx.export(network.unet(), (), str(file), kwargs=inputs, input_names=list(inputs),
                              output_names=["output"], dynamo=True, verbose=False)
        return str(file)


class OpenVino(Exported):
    """OpenVINO, from the ONNX file. bf16 is its own conversion, as its precision hint asks."""

    def prepare(self, network, precision, batch, threads):
        import openvino
        core = openvino.Core()
        if precision == "bf16" and "BF16" not in core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise LeftOut("OpenVINO has no bf16 on this processor")
        inputs = network.inputs(batch)
        compiled = core.compile_model(self.export(network, inputs, batch), "CPU", {
            "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": str(threads),
            "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision]})
        self.request = compiled.create_infer_request()
        for port in compiled.inputs:
            name = next(name for name in port.names if name in inputs)
            self.request.set_tensor(port, openvino.Tensor(inputs[name].numpy()))

    def step(self):
        begin = time.perf_counter()
        self.request.infer()
        return time.perf_counter() - begin

    def output(self):
        return self.request.get_output_tensor().data.copy()


class OnnxRuntime(Exported):
    """ONNX Runtime's CPU provider. fp32 only: it has no bfloat16 convolution."""

    def prepare(self, network, precision, batch, threads):
        if precision == "bf16":
            raise LeftOut("ONNX Runtime's CPU provider has no bf16 convolution")
        import onnxruntime
        inputs = network.inputs(batch)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        # Its threads would wait for the next step at full speed while other engines run.
        options.add_session_config_entry("session.force_spinning_stop", "1")
        self.session = onnxruntime.InferenceSession(self.export(network, inputs, batch), options,
                                                    providers=["CPUExecutionProvider"])
        self.inputs = {name: value.numpy() for name, value in inputs.items()}

    def step(self):
        begin = time.perf_counter()
        self.result = self.session.run(None, self.inputs)[0]
        return time.perf_counter() - begin

    def output(self):
        return self.result


class Ours:
    """Cascade: a program that runs a step for every line, and answers its seconds."""

    def prepare(self, network, precision, batch, threads):
        program = ROOT / OURS
        if not os.access(program, os.X_OK):
            raise LeftOut(f"no {OURS}: build it with cmake --workflow --preset release")
        self.process = subprocess.Popen(
            [program, network.folder, "--stage", str(network.stage), "--precision", precision, "--batch", str(batch),
             "--threads", str(threads), "--serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def step(self):
        self.process.stdin.write("step\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{OURS} ended with {self.process.wait()}")
        return float(answer)

    def output(self):
        return None


def named(name, folder):
    """KIND, KIND/LAYOUT or compile/LAYOUT/MODE. `folder` is the run's own."""
    from gemm import Gemm
    kind, *how = name.split("/")
    makers = {"gemm": Gemm, "cascade": Ours, "eager": Eager, "compile": Compiled,
              "openvino": lambda: OpenVino(folder), "onnxruntime": lambda: OnnxRuntime(folder)}
    return makers[kind](*how)
