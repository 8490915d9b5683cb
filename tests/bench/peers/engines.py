"""What runs networks: one class an engine.

begin(precision, threads) sets the process up and raises LeftOut where the engine cannot take part. network(network, rows)
makes everything that can be made before the first step of one, and returns a function of the inputs that UNet.forward
names, of so many rows, which returns the output in float32; the next call may write over it. `layout` is how images are
best laid out. Precision is fp32 or bf16. A worker process holds one engine.
"""

import logging
import pathlib
import sysconfig

import torch

import networks


class LeftOut(Exception):
    """The engine cannot take part; the message says why."""


class Eager:
    """PyTorch as it is, in one of two memory formats. In bf16 the weights are bfloat16."""

    def __init__(self, layout):
        self.layout = layout

    def begin(self, precision, threads):
        torch.set_num_threads(threads)
        torch.set_num_interop_threads(1)
        torch.set_grad_enabled(False)
        self.dtype = torch.bfloat16 if precision == "bf16" else torch.float32

    def network(self, network, rows):
        return network.unet().to(self.dtype).to(memory_format=networks.LAYOUTS[self.layout])


class Compiled(Eager):
    """torch.compile with frozen weights, for these shapes alone."""

    def __init__(self, layout, mode="default"):
        super().__init__(layout)
        self.mode = mode

    def begin(self, precision, threads):
        import torch._inductor.config
        header = pathlib.Path(sysconfig.get_path("include")) / "Python.h"
        if not header.exists():
            raise LeftOut(f"torch.compile needs {header}: install python3-dev")
        super().begin(precision, threads)
        torch._inductor.config.freezing = True

    def network(self, network, rows):
        return torch.compile(super().network(network, rows), mode=self.mode, fullgraph=True, dynamic=False)


class Exported:
    """What runs networks from ONNX files for these shapes. The engines of a table share the files in `folder`."""
    layout = "contiguous"

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)

    def export(self, network, inputs):
        """The file's path. Its opset is the one that torch exports by default."""
        file = self.folder / f"unet-{network.stage}-{len(inputs['x'])}.onnx"
        if not file.exists():
            logging.getLogger("torch.onnx").setLevel(logging.ERROR)  # It misses torchvision, which nobody uses here.
            torch.onnx.export(network.unet(), (), str(file), kwargs=inputs, input_names=list(inputs),
                              output_names=["output"], dynamo=True, verbose=False)
        return str(file)


class OpenVino(Exported):
    """OpenVINO, from the ONNX file. bf16 is its own conversion, as its precision hint asks."""

    def begin(self, precision, threads):
        import openvino
        self.core = openvino.Core()
        if precision == "bf16" and "BF16" not in self.core.get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
            raise LeftOut("OpenVINO has no bf16 on this processor")
        self.settings = {
            "PERFORMANCE_HINT": "LATENCY", "NUM_STREAMS": "1", "INFERENCE_NUM_THREADS": str(threads),
            "INFERENCE_PRECISION_HINT": {"fp32": "f32", "bf16": "bf16"}[precision]}

    def network(self, network, rows):
        inputs = network.inputs(rows)
        compiled = self.core.compile_model(self.export(network, inputs), "CPU", self.settings)
        request = compiled.create_infer_request()
        places = {name: torch.from_numpy(request.get_tensor(port).data)
                  for port in compiled.inputs for name in port.names if name in inputs}
        output = torch.from_numpy(request.get_output_tensor().data)

        def run(**values):
            for name, place in places.items():
                place.copy_(values[name])
            request.infer()
            return output
        return run


class OnnxRuntime(Exported):
    """ONNX Runtime's CPU provider. fp32 only: it has no bfloat16 convolution."""

    def begin(self, precision, threads):
        if precision == "bf16":
            raise LeftOut("ONNX Runtime's CPU provider has no bf16 convolution")
        import onnxruntime
        self.options = onnxruntime.SessionOptions()
        self.options.intra_op_num_threads = threads
        self.options.inter_op_num_threads = 1
        self.options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
        # Its threads would wait for the next step at full speed while other engines run.
        self.options.add_session_config_entry("session.force_spinning_stop", "1")

    def network(self, network, rows):
        import onnxruntime
        session = onnxruntime.InferenceSession(self.export(network, network.inputs(rows)), self.options,
                                               providers=["CPUExecutionProvider"])

        def run(**values):
            return torch.from_numpy(session.run(None, {name: value.numpy() for name, value in values.items()})[0])
        return run


def named(name, folder):
    """KIND, KIND/LAYOUT or compile/LAYOUT/MODE. `folder` is the table's own."""
    kind, *how = name.split("/")
    makers = {"eager": Eager, "compile": Compiled, "openvino": lambda: OpenVino(folder),
              "onnxruntime": lambda: OnnxRuntime(folder)}
    return makers[kind](*how)
