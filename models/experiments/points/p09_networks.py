"""9: the base with and without dropout, and the changes to the SR stage of Table 8."""

from cell import BEST_LEVEL, at_level, draw
from section import Section, table

TITLE = "Dropout, labels, batch, flips"
QUESTION = "What do dropout in the base, and class label, larger batch and left-right flips in the SR stage change?"
PAPER = (
    "Table 8, ImageNet 64 → 256, each on top of the one before: blur 6.18 → class label **5.75** → batch 256 → 1,024 **5.00** → flips "
    "**4.88**. Table 3 adds dropout to the base among other changes (its figures were not found); dropout slows the training and ends "
    "better."
)
BASES = [("dropout 0.1", "base"), ("no dropout", "base-no-dropout")]
SRS = [
    ("blur, class label", "sr-blur-0.4-0.6"),
    ("no class label", "sr-no-class"),
    ("twice the batch", "sr-large-batch"),
    ("flips", "sr-flip"),
]


def base_cells():
    return [draw(base, "sr", stage="8x8", metrics="fid,is,class") for _, base in BASES]


def above_cells():
    return [at_level(BEST_LEVEL, base, "sr") for _, base in BASES]


def sr_cells():
    return [draw("base", sr) for _, sr in SRS]


def cells():
    return base_cells() + above_cells() + sr_cells()


def later():
    return [cell.other(seed=2) for cell in cells()]


def emoji():
    return []


def section(results):
    figures = ("fid_train", "fid_test", "inception_score", "class_found")
    rows = [(f"{name}, at 8x8", cell) for (name, _), cell in zip(BASES, base_cells())]
    rows += [
        (f"{name}, below the SR stage at s = {BEST_LEVEL:g}", cell) for (name, _), cell in zip(BASES, above_cells())
    ]
    part = Section(results)
    part.add(table(results, rows, figures, first="the base"))
    part.compare("dropout in the base helps", *base_cells(), ("with", "without"))
    part.add(table(results, [(name, cell) for (name, _), cell in zip(SRS, sr_cells())], figures, first="the SR stage"))
    label, none, batch, flip = sr_cells()
    part.compare("the class label helps the SR stage", label, none, ("with", "without"))
    part.compare("a larger batch (and more images) helps", batch, label, ("64", "32"))
    part.compare("flips help", flip, label, ("with", "without"))
    part.add("Each row is one training; the error is of the drawn images only.")
    return part
