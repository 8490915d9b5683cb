"""The machine's rate of matrix products: the measure of how much of it an engine gets out of the network."""

import time

import torch

SIZES = (512, 1024, 2048)


class Gemm:
    """One torch.matmul of square matrices, of the size that gets the highest rate here. A turn is two, as a step's."""

    def prepare(self, precision, batch, threads):
        torch.set_num_threads(threads)
        torch.set_grad_enabled(False)
        rates = {}
        for size in SIZES:
            self._fill(size, precision)
            rates[size] = self.flops / min(self._multiply() for _ in range(4))
        self._fill(max(rates, key=rates.get), precision)

    def _fill(self, size, precision):
        dtype = torch.bfloat16 if precision == "bf16" else torch.float32
        self.left, self.right, self.out = (torch.rand(size, size).to(dtype) for _ in range(3))
        self.flops = 2 * size ** 3

    def turn(self):
        self._multiply()
        return self._multiply()

    def _multiply(self):
        begin = time.perf_counter()
        torch.matmul(self.left, self.right, out=self.out)
        return time.perf_counter() - begin

    def output(self):
        return None
