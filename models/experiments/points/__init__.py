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
# In which they are drawn: what the paper's main claim rests on first, and trainings when they are needed.
ORDER = (1, 3, 2, 5, 8, 7, 6, 4, 10, 9)


def queue(only=None, emoji=False):
    """The cells of these experiments (all by default), each once."""
    chosen = [POINTS[number] for number in ORDER if not only or number in only]
    cells = [cell for point in chosen for cell in point.cells()]
    if emoji:
        cells += [cell for point in chosen for cell in point.emoji()]
    cells += [cell for point in chosen for cell in point.later()]
    return list(dict.fromkeys(cells))
