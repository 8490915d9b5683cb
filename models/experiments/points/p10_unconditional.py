"""10: a cascade without labels, as for LSUN."""

from cell import FEW_LEVELS, at_level
from section import Section, best, series, table

TITLE = "An unconditional cascade"
QUESTION = "Does the recipe hold without labels (base and SR stage unconditional, non-truncated augmentation)?"
PAPER = "LSUN 64 → 128 uses non-truncated Gaussian augmentation (Table 9; its figures were not found)."
LEVELS = (0, *FEW_LEVELS)


def unlabelled(level):
    return at_level(level, "base-unconditional", "sr-unconditional", metrics="fid,is")


def cells():
    return [unlabelled(level) for level in LEVELS]


def later():
    return [cell.other(seed=2) for cell in cells()]


def emoji():
    return []


def section(results):
    points = [(level, unlabelled(level)) for level in LEVELS]
    part = Section(results)
    rows = [(f"s = {level:g}", cell) for level, cell in points]
    part.add(table(results, rows, ("fid_train", "fid_test", "inception_score")))
    part.chart(
        "unconditional",
        "With and without labels",
        "s (share of the timesteps)",
        "FID against train",
        [
            series(results, "no labels", points, "fid_train"),
            series(results, "labels", [(level, at_level(level)) for level in LEVELS], "fid_train"),
        ],
    )
    top = best(results, points, "fid_train")
    if not results.has(cells()):
        return part
    claim = "augmentation improves an unconditional cascade"
    if top[0] > 0:
        part.compare(claim, unlabelled(top[0]), unlabelled(0), (f"s = {top[0]:g} (the best)", "s = 0"))
    else:
        part.verdict(False, claim, "s = 0 is the best")
    return part
