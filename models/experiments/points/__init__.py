"""The ten experiments. Each says what it draws, and what its section of the report tells.

A module has TITLE, QUESTION, PAPER (what the paper found), cells() in the order of their worth, later() (second seeds, and
what costs much), emoji() (cells of the emoji package) and section(results).
"""

from points import (
    p01_cascade,
    p02_truncated,
    p03_ground_truth,
    p04_blur,
    p05_sr_steps,
    p06_guidance,
    p07_samplers,
    p08_bound,
    p09_networks,
    p10_unconditional,
)

POINTS = {
    1: p01_cascade,
    2: p02_truncated,
    3: p03_ground_truth,
    4: p04_blur,
    5: p05_sr_steps,
    6: p06_guidance,
    7: p07_samplers,
    8: p08_bound,
    9: p09_networks,
    10: p10_unconditional,
}
# In which they are drawn: the paper's main claims first, of them what two networks are enough for.
FIRST = (1, 3, 2, 5, 8)
ORDER = (*FIRST, 7, 6, 4, 10, 9)


def needs_more(cell):
    """Is it more than figures of images from the first two networks?"""
    return cell.package != ("base", "sr") or cell.metrics == "cas"


def own_cells(number):
    """The cells of an experiment that none before it has."""
    before = {cell for other in ORDER[: ORDER.index(number)] for cell in POINTS[other].cells()}
    return [cell for cell in POINTS[number].cells() if cell not in before]


def queue(only=None, emoji=False):
    """The cells of these experiments (all by default), each once."""
    chosen = [number for number in ORDER if not only or number in only]
    first = [cell for number in chosen if number in FIRST for cell in POINTS[number].cells()]
    cells = sorted(first, key=needs_more)
    cells += [cell for number in chosen if number not in FIRST for cell in POINTS[number].cells()]
    if emoji:
        cells += [cell for number in chosen for cell in POINTS[number].emoji()]
    cells += [cell for number in chosen for cell in POINTS[number].later()]
    return list(dict.fromkeys(cells))
