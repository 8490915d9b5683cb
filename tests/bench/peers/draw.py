"""A batch of images through a whole cascade, by an engine that runs networks."""

import time

from serving import noise, pipeline


class Draw:
    """A turn is one draw, with PyTorch's noise. The images that are compared have the server's."""

    def __init__(self, engine, cascade):
        self.engine = engine
        self.cascade = cascade

    def prepare(self, precision, batch, threads):
        self.engine.begin(precision, threads)
        self.asked = self.cascade.asked(batch)
        self.pipeline = pipeline.Pipeline(
            self.cascade.folder, lambda network, rows: self.engine.network(network, rows * batch), self.engine.layout)
        self.images = self.pipeline.sample(*self.asked, noise.CounterNoise)
        self.turn()

    def turn(self):
        begin = time.perf_counter()
        self.pipeline.sample(*self.asked, noise.GeneratorNoise)
        return time.perf_counter() - begin

    def output(self):
        return self.images
