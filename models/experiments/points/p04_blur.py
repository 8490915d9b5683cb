"""4: Gaussian blur of the SR stage's input in training."""

from cell import draw
from section import Section, best, table

TITLE = "Blur"
QUESTION = "Does a 3x3 Gaussian blur of half of the low-resolution training inputs help, and which range of its sigma?"
PAPER = (
    "Table 7, ImageNet 64 → 256: the best range is sigma ~ U(0.4, 0.6), with FID **6.18**. (The other rows could not be "
    "confirmed from a source at hand: no blur about 7.3, wider ranges between.)"
)
RANGES = [("0.4 to 0.6", "sr-blur-0.4-0.6"), ("0.4 to 0.8", "sr-blur-0.4-0.8"), ("0.4 to 1.0", "sr-blur-0.4-1.0")]
ROWS = [("no blur", draw("base", "sr-plain"))] + [(f"sigma {name}", draw("base", sr)) for name, sr in RANGES]


def cells():
    return [cell for _, cell in ROWS]


def later():
    return [cell.other(seed=2) for cell in cells()]


def emoji():
    return []


def section(results):
    part = Section(results)
    part.add(table(results, ROWS, ("fid_train", "fid_test", "inception_score", "class_found")))
    top, blurred = best(results, ROWS, "fid_train"), best(results, ROWS[1:], "fid_train")
    if not results.has(cells()):
        return part
    part.compare("blur in training helps", dict(ROWS)[blurred[0]], ROWS[0][1], (blurred[0], "no blur"))
    part.verdict(top[0] == ROWS[1][0], "sigma 0.4 to 0.6 is the best range", f"the best is {top[0]}")
    part.add(
        "Each row is one training: what another seed of the training would change is not in the error, which is of the drawn "
        "images only."
    )
    return part
