"""One evaluation of one network, by an engine that runs networks."""

import time

import networks

WARM_UP_STEPS = 3


class Step:
    """A turn is two steps, and the second counts: the first one finds the caches full of another engine's weights, as
    of an image's steps only the first does.
    """

    def __init__(self, engine, network):
        self.engine = engine
        self.network = network

    def prepare(self, precision, batch, threads):
        self.engine.begin(precision, threads)
        self.inputs = {name: networks.laid_out(value, self.engine.layout)
                       for name, value in self.network.inputs(batch).items()}
        self.run = self.engine.network(self.network, batch)
        for _ in range(WARM_UP_STEPS):
            self._step()

    def turn(self):
        self._step()
        return self._step()

    def _step(self):
        begin = time.perf_counter()
        self.result = self.run(**self.inputs)
        return time.perf_counter() - begin

    def output(self):
        return self.result.contiguous().numpy()
