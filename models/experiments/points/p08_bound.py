"""8: the variational bound of the cascade with truncated augmentation."""

from cell import FEW_LEVELS, Cell
from section import Section

TITLE = "The variational bound"
QUESTION = "Does the likelihood bound of the cascade, truncated at s, choose the same s as sample quality does?"
PAPER = (
    "Section 4.1 gives the bound of a cascade with truncated augmentation and shows no figures of it. Sample quality, not the bound, "
    "is what the paper chooses s by."
)
LEVELS = (0, *FEW_LEVELS, 0.5)


def bound(level):
    return Cell(("base", "sr"), (("augmentation", f"0,{level:g}"), ("bound", "truncated")), "bound")


def cells():
    return [bound(level) for level in LEVELS]


def later():
    return []


def emoji():
    return []


def section(results):
    part = Section(results)
    lines, points = [], []
    for level in LEVELS:
        figures = results.figures(bound(level))
        if figures is None:
            continue
        total = figures["total"]
        stages = [f"{stage['total']['bits_per_dimension']:.3f}" for stage in figures["stages"]]
        error = total["standard_error"]
        lines.append(f"| {level:g} | {' | '.join(stages)} | {total['bits_per_dimension']:.3f} ± {error:.3f} |")
        points.append((level, total["bits_per_dimension"], error))
    if not points:
        return part
    part.add("\n".join(["| s | base | SR stage | -log p ≤ |", "|---|---|---|---|", *lines]))
    part.add(
        "Bits for each of the 1,024 values of a 32x32 digit, on held-out images; ± is the standard error over the images."
    )
    part.chart(
        "bound", "Bound over s", "s (share of the timesteps)", "bits per dimension", [("-log p at most", points, True)]
    )
    least = min(points, key=lambda point: point[1])
    first = points[0]
    if len(points) == len(LEVELS):
        words = f"{least[1]:.3f} at s = {least[0]:g}, {first[1]:.3f} ± {first[2]:.3f} at s = 0."
        part.add(f"The least bound: {words}")
    return part
