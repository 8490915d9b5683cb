"""One line of the table: every engine with one precision, batch and number of threads."""

import contextlib
import dataclasses
import json
import os
import pathlib
import select
import subprocess
import sys

import numpy

from environment import CACHE

WORKER = pathlib.Path(__file__).resolve().with_name("worker.py")
# Longer than any compilation, so that a hung engine ends.
PATIENCE_SECONDS = 1800


@dataclasses.dataclass(frozen=True)
class Cell:
    precision: str
    batch: int
    threads: int

    def __str__(self):
        return f"{self.precision}, batch {self.batch}, {self.threads} {'thread' if self.threads == 1 else 'threads'}"


class Contestant:
    """An engine's process, seen from here. Answers with what worker.py says, or an error when it is gone."""

    def __init__(self, name, subject, cell, output):
        self.output = output
        environment = {**os.environ, "OMP_NUM_THREADS": str(cell.threads), "MKL_NUM_THREADS": str(cell.threads),
                       "TORCHINDUCTOR_CACHE_DIR": str(CACHE / "peers-inductor"), "TORCHINDUCTOR_COMPILE_THREADS": "1",
                       "PYTHONWARNINGS": "ignore"}
        arguments = (name, subject.folder, subject.stage, cell.precision, cell.batch, cell.threads, output)
        self.process = subprocess.Popen([sys.executable, "-B", WORKER, *map(str, arguments)], env=environment,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, what):
        with contextlib.suppress(BrokenPipeError):  # Of a process that is gone, there is no answer either.
            self.process.stdin.write(what + "\n")
            self.process.stdin.flush()
        if not select.select([self.process.stdout], [], [], PATIENCE_SECONDS)[0]:
            return {"error": f"no answer to {what} in {PATIENCE_SECONDS} s"}
        answer = self.process.stdout.readline()
        if not answer:
            return {"error": f"the process ended with {self.process.wait()} at {what}"}
        return json.loads(answer)

    def end(self):
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def reference(subject, batch, threads, folder):
    """What PyTorch answers in fp32."""
    output = pathlib.Path(folder) / "reference.npy"
    contestant = Contestant("eager/contiguous", subject, Cell("fp32", batch, threads), output)
    answer = contestant.ask("prepare")
    contestant.end()
    if "error" in answer:
        raise RuntimeError(f"PyTorch: {answer['error']}")
    return numpy.load(output)


def prepare(name, subject, cell, expected, folder):
    """A contestant and what is known of it; none where it cannot take part."""
    contestant = Contestant(name, subject, cell, pathlib.Path(folder) / f"{name.replace('/', '-')}.npy")
    answer = contestant.ask("prepare")
    if contestant.output.exists():
        answer["distance"] = subject.distance(numpy.load(contestant.output), expected)
        contestant.output.unlink()
        if cell.precision == "fp32" and not answer["distance"] <= subject.tolerance:
            answer["error"] = (f"its distance from PyTorch's output, {subject.unit}, is {answer['distance']:.3g}, "
                               f"more than {subject.tolerance:g}")
    if "error" in answer or "left_out" in answer:
        contestant.end()
        return None, answer
    return contestant, {**answer, "seconds": []}


def measure(names, subject, cell, expected, repetitions, order, folder):
    """What became of each engine, by name. `subject`: a Network or a Cascade; `folder`: for files of its own.

    One turn runs at a time; `order` shuffles them anew in each repetition.
    """
    contestants, results = {}, {}
    try:
        for name in names:
            contestant, results[name] = prepare(name, subject, cell, expected, folder)
            if contestant:
                contestants[name] = contestant
        for _ in range(repetitions):
            for name in order.sample(sorted(contestants), len(contestants)):
                answer = contestants[name].ask("turn")
                if "error" in answer:
                    results[name]["error"] = answer["error"]
                    contestants.pop(name).end()
                else:
                    results[name]["seconds"].append(answer["seconds"])
    finally:
        for contestant in contestants.values():
            contestant.end()
    return results
