#!/usr/bin/env python3
"""Draws the training curves of a cascade from its stages' log.csv, as one SVG.

    models/training/plot_log.py OUT.svg NAME=LOG.csv[,BATCH] ...

One panel a stage: the loss (grey, and its mean over a tenth of the training so far) by training images, BATCH (64) a
step, both axes logarithmic. Of steps that were trained twice, because a training went on from an older checkpoint, the
later ones count. Needs Python's standard library.
"""

import argparse
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "plot"))

from svg_chart import COLORS, GREY, Axis, document, grid, polyline, short, text  # noqa: E402

PANEL, HEIGHT, GAP = 250, 190, 30
LEFT, TOP, BOTTOM = 46, 26, 34


def read_log(path, batch):
    """[(images, loss)] in the order of the steps."""
    losses = {}
    for number, line in enumerate(pathlib.Path(path).read_text().splitlines(), 1):
        try:
            step, loss = line.split(",")[:2]
            step, loss = int(step), float(loss)
        except ValueError:
            sys.exit(f"{path}:{number}: not a line of log.csv: {line}")
        losses = {s: v for s, v in losses.items() if s < step} if step <= max(losses, default=0) else losses
        losses[step] = loss
    if not losses:
        sys.exit(f"{path} is empty")
    return [(step * batch, loss) for step, loss in sorted(losses.items())]


def smoothed(points):
    """Each loss as the mean of those from nine tenths of its images on."""
    result, begin, total = [], 0, 0.0
    for images, loss in points:
        total += loss
        result.append((images, loss))
        while points[begin][0] < 0.9 * images:
            total -= points[begin][1]
            begin += 1
        result[-1] = (images, total / (len(result) - begin))
    return result


def panel(name, points, left):
    losses = [loss for _, loss in points]
    x = Axis(points[0][0], points[-1][0], left + LEFT, left + PANEL, log=True)
    y = Axis(0.95 * min(losses), 1.05 * max(losses), TOP + HEIGHT, TOP, log=True)

    def line(values, color, width):
        return polyline([(x.at(images), y.at(loss)) for images, loss in values], color, width)

    curve = smoothed(points)
    end = f"{curve[-1][1]:.3g} after {short(float(f'{curve[-1][0]:.3g}'))}"
    title = text(left + LEFT, TOP - 10, name, "start", ' font-weight="bold"')
    lines = [line(points, GREY, 1), line(curve, COLORS[0], 1.6)]
    return [title, *grid(x, y), *lines, text(left + PANEL, TOP - 10, end, "end")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("logs", nargs="+", metavar="NAME=LOG.csv[,BATCH]")
    arguments = parser.parse_args()
    panels = []
    for number, argument in enumerate(arguments.logs):
        name, _, source = argument.partition("=")
        path, _, batch = source.partition(",")
        if not path or (batch and not batch.isdigit()):
            parser.error(f"{argument} is not NAME=LOG.csv[,BATCH]")
        panels += panel(name, read_log(path, int(batch or 64)), number * (PANEL + GAP))
    width, height = len(arguments.logs) * (PANEL + GAP), TOP + HEIGHT + BOTTOM
    caption = "training images; loss: mean squared error of what the network predicts"
    arguments.out.write_text(document(width, height, [*panels, text(width / 2, height - 4, caption)]))


if __name__ == "__main__":
    main()
