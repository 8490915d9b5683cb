"""What was measured: collected from a work folder into results.json, and looked up by cell."""

import json
import pathlib

import cell as cells
import points
import trainings

PATH = pathlib.Path(__file__).with_name("results.json")
KEPT = (
    "fid_train",
    "fid_test",
    "inception_score",
    "class_found",
    "cas_top1",
    "cas_per_class",
    "precision_train",
    "recall_train",
    "kid_train",
    "kid_test",
    "total",
    "stages",
    "count",
    "features",
)
OF_STAGE = ("name", "augmentation_level", "total")


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: rounded(item) for key, item in value.items()}
    return [rounded(item) for item in value] if isinstance(value, list) else value


def kept(figures):
    few = {key: figures[key] for key in KEPT if key in figures}
    if "stages" in few:
        few["stages"] = [{key: stage[key] for key in OF_STAGE} for stage in few["stages"]]
    return rounded(few)


def last_loss(log):
    """The mean over the last tenth of the training; None where nothing was logged."""
    if not log.exists():
        return None
    rows = [line.split(",")[:2] for line in log.read_text().splitlines()]
    rows = [(int(step), float(loss)) for step, loss in rows if step.isdigit()]
    last = [loss for step, loss in rows if step > 0.9 * rows[-1][0]]
    return rounded(sum(last) / len(last))


def told_of_training(name, work):
    """Steps, images, size, cost and loss. None where the training or its package is missing."""
    folder = work / "trainings" / name
    packages = [
        path for path in sorted((work / "packages").glob("*/inspect.json")) if name in path.parent.name.split("+")
    ]
    if not (folder / "done.json").exists() or not packages:
        return None
    trained = json.loads((folder / "done.json").read_text())
    optimizer = trained["optimizer"]
    place = packages[0].parent.name.split("+").index(name)
    stage = json.loads(packages[0].read_text())["stages"][place]
    return {
        "steps": optimizer["steps"],
        "images": optimizer["steps"] * optimizer["batch_size"],
        "precision": trained["precision"],
        "parameters": stage["parameters"],
        "flops_per_step": stage["flops_per_step"],
        "loss": last_loss(folder / "log.csv"),
    }


def collect(work):
    """Writes results.json from a work folder of run.py: what is done there, and only that."""
    found = {"trainings": {}, "cells": {}}
    for name in trainings.TRAININGS:
        told = told_of_training(name, work)
        if told:
            found["trainings"][name] = told
    for cell in points.queue(emoji=True):
        path = work / "cells" / f"{cell.name}.json"
        if path.exists():
            told = json.loads(path.read_text())
            found["cells"][cell.name] = {"seconds": told["seconds"], **kept(told["figures"])}
    PATH.write_text(json.dumps(found, indent=1) + "\n")


class Results:
    def __init__(self, found):
        self.trainings = found["trainings"]
        self.cells = found["cells"]

    @classmethod
    def load(cls):
        return cls(json.loads(PATH.read_text()))

    def figures(self, cell):
        return self.cells.get(cell.name)

    def has(self, wanted):
        """Are all of these cells there?"""
        return all(self.figures(cell) is not None for cell in wanted)

    def values(self, cell, figure):
        """Of each seed that was measured."""
        found = [self.figures(cell.other(seed=seed)) for seed in cells.SEEDS]
        return [told[figure] for told in found if told and told.get(figure) is not None]

    def mean(self, cell, figure):
        """Over the seeds. None: was not measured."""
        values = self.values(cell, figure)
        return sum(values) / len(values) if values else None

    def half_difference(self, cell, figure):
        """Half of what two seeds differ by. None: there is one at most."""
        values = self.values(cell, figure)
        return abs(values[0] - values[1]) / 2 if len(values) == 2 else None

    def noise(self, figure, like=None):
        """The largest half difference of two seeds, of all digit cells that are judged at the stage of `like` (the last).

        0 where no cell has two seeds.
        """
        stage = like.stage if like else ""
        halves = [
            self.half_difference(cell, figure) for cell in points.queue() if cell.stage == stage and cell.seed == 1
        ]
        return max((half for half in halves if half is not None), default=0)

    def noise_words(self, figure, like=None):
        noise = self.noise(figure, like)
        return f"seeds differ by ± {noise:.2g} at most" if noise else "how much seeds differ is not known yet"

    def gaps(self, less, more):
        """What FID against train of `more` is above that of `less`, for each seed that both have: the same noise went in."""
        both = [(self.figures(less.other(seed=seed)), self.figures(more.other(seed=seed))) for seed in cells.SEEDS]
        return [b["fid_train"] - a["fid_train"] for a, b in both if a and b]

    def is_less(self, less, more):
        """Of FID against train. None: it cannot be told.

        Of two seeds both must say so; one seed must say it by more than twice what seeds differ by elsewhere.
        """
        gaps = self.gaps(less, more)
        noise = 2 * self.noise("fid_train", less) if len(gaps) == 1 else 0
        if not gaps or (len(gaps) == 1 and not noise):
            return None
        if all(gap > noise for gap in gaps):
            return True
        return False if all(gap < -noise for gap in gaps) else None

    def gap_words(self, less, more):
        gaps = self.gaps(less, more)
        if len(gaps) == 2:
            return f"the difference is {sum(gaps) / 2:.4f} ± {abs(gaps[0] - gaps[1]) / 2:.4f} over two seeds"
        return f"one seed, and {self.noise_words('fid_train', less)}"

    def cost(self, *names):
        """FLOPs of these trainings: three times the forward passes'. None: one is missing."""
        told = [self.trainings.get(name) for name in names]
        return None if None in told else sum(3 * t["flops_per_step"] * t["images"] for t in told)

    def per_class_words(self, cell, real):
        """In how many classes samples teach more than real images do; "" if not measured."""
        ours, theirs = self.figures(cell), self.figures(real)
        if not ours or not theirs:
            return ""
        more = sum(ours["cas_per_class"][name] > share for name, share in theirs["cas_per_class"].items())
        return (
            f" A classifier that saw generated digits only (s = {cells.BEST_LEVEL:g}) beats one that saw the real ones in {more} of 10 classes "
            f"(the paper, Table 2 and its classes at 256: in 96 of 1,000)."
        )
