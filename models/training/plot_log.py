#!/usr/bin/env python3
"""Draws the training curves of a cascade from its stages' log.csv, as one SVG.

    models/training/plot_log.py OUT.svg NAME=LOG.csv[,BATCH] ...

One panel a stage: the loss (grey, and its mean over a tenth of the training so far) by training images, BATCH (64) a
step, both axes logarithmic. Of steps that were trained twice, because a training went on from an older checkpoint, the
later ones count. Needs Python's standard library.
"""

import argparse
import html
import math
import pathlib
import sys

PANEL, HEIGHT, GAP = 250, 190, 30
LEFT, TOP, BOTTOM = 46, 26, 34
TEXT, AXIS, RAW, LINE = "#57606a", "#d0d7de", "#c4ccd4", "#2563eb"


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


def short(number):
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:g}{unit}"
    return f"{number:g}"


def ticks(low, high):
    """1, 2 and 5 times powers of ten within the limits."""
    first = math.floor(math.log10(low))
    return [m * 10.0**p for p in range(first, first + 12) for m in (1, 2, 5) if low <= m * 10.0**p <= high]


def panel(name, points, left):
    low_x, high_x = points[0][0], points[-1][0]
    high_x = max(high_x, 1.001 * low_x)
    losses = [loss for _, loss in points]
    low_y, high_y = 0.95 * min(losses), 1.05 * max(losses)

    def x(images):
        return left + LEFT + (PANEL - LEFT) * math.log(images / low_x) / math.log(high_x / low_x)

    def y(loss):
        return TOP + HEIGHT * math.log(high_y / loss) / math.log(high_y / low_y)

    def line(values, color, width):
        path = " ".join(f"{x(images):.1f},{y(loss):.1f}" for images, loss in values)
        return f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}"/>'

    curve = smoothed(points)
    parts = [f'<text x="{left + LEFT}" y="{TOP - 10}" font-weight="bold">{html.escape(name)}</text>']
    for loss in ticks(low_y, high_y):
        parts.append(f'<path d="M{left + LEFT} {y(loss):.1f}h{PANEL - LEFT}" stroke="{AXIS}"/>')
        parts.append(f'<text x="{left + LEFT - 6}" y="{y(loss) + 4:.1f}" text-anchor="end">{short(loss)}</text>')
    for images in ticks(low_x, high_x):
        parts.append(f'<text x="{x(images):.1f}" y="{TOP + HEIGHT + 16}" text-anchor="middle">{short(images)}</text>')
    parts += [line(points, RAW, 1), line(curve, LINE, 1.6)]
    end = f"{curve[-1][1]:.3g} after {short(float(f'{curve[-1][0]:.3g}'))}"
    parts.append(f'<text x="{left + PANEL}" y="{TOP - 10}" text-anchor="end">{end}</text>')
    return "\n".join(parts)


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
        panels.append(panel(name, read_log(path, int(batch or 64)), number * (PANEL + GAP)))
    width, height = len(panels) * (PANEL + GAP), TOP + HEIGHT + BOTTOM
    arguments.out.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="11" fill="{TEXT}">\n<rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join(panels)
        + f'\n<text x="{width / 2}" y="{height - 4}" text-anchor="middle">training images; loss: mean squared error of '
        "what the network predicts</text>\n</svg>\n"
    )


if __name__ == "__main__":
    main()
