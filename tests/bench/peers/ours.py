"""Cascade: programs that answer each line with the seconds that one repetition took."""

import os
import pathlib
import subprocess

import numpy

from engines import LeftOut

FOLDER = pathlib.Path(__file__).resolve().parents[3] / "build" / "bench"


class Program:
    """One of build/bench. `begin` starts it and runs it once."""

    def __init__(self, name):
        self.path = FOLDER / name

    def begin(self, *arguments):
        if not os.access(self.path, os.X_OK):
            raise LeftOut(f"no build/bench/{self.path.name}: build it with cmake --workflow --preset release")
        self.process = subprocess.Popen([self.path, *map(str, arguments), "--serve"],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.run()

    def run(self):
        """Seconds."""
        try:
            self.process.stdin.write("again\n")
            self.process.stdin.flush()
        except BrokenPipeError:  # It ended, which is said below.
            pass
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"{self.path.name} ended with {self.process.wait()}")
        return float(answer)


class OurStep:
    """A turn is two steps, and the second counts, as in Step. What the step gives is not told."""

    def __init__(self, network):
        self.network = network
        self.program = Program("plan_bench")

    def prepare(self, precision, batch, threads):
        self.program.begin(self.network.folder, "--stage", self.network.stage, "--precision", precision,
                           "--batch", batch, "--threads", threads)

    def turn(self):
        self.program.run()
        return self.program.run()

    def output(self):
        return None


class OurDraw:
    """A turn is one draw. `folder` is the table's own."""

    def __init__(self, cascade, folder):
        self.cascade = cascade
        self.images = pathlib.Path(folder) / "cascade.raw"
        self.program = Program("cascade_bench")

    def prepare(self, precision, batch, threads):
        self.program.begin(self.cascade.folder, "--precision", precision, "--batch", batch, "--threads", threads,
                           "--images", self.images)

    def turn(self):
        return self.program.run()

    def output(self):
        return numpy.fromfile(self.images, numpy.uint8).reshape(-1, *self.cascade.image_shape())
