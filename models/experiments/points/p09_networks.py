"""9: the base with and without dropout, and the changes to the SR stage of Table 8."""

from cell import at_level, draw
from section import Section, table

TITLE = "Dropout, labels, batch, flips"
QUESTION = "What do dropout in the base, and class label, larger batch and left-right flips in the SR stage change?"
PAPER = (
    "Table 8, ImageNet 64 → 256, each on top of the one before: blur 6.18 → class label **5.75** → batch 256 → 1,024 **5.00** → flips "
    "**4.88**. Table 3 adds dropout to the base among other changes (its figures were not found); dropout slows the training and ends "
    "better."
)
LEVEL = 0.125
BASES = [("dropout 0.1", "base"), ("no dropout", "base-no-dropout")]
SRS = [
    ("blur, class label", "sr-blur-0.4-0.6"),
    ("no class label", "sr-no-class"),
    ("four times the batch", "sr-large-batch"),
    ("flips", "sr-flip"),
]


def base_cells():
    return [draw(base, "sr", stage="8x8", metrics="fid,is,class") for _, base in BASES]


def above_cells():
    return [at_level(LEVEL, base, "sr") for _, base in BASES]


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
    rows += [(f"{name}, below the SR stage at s = {LEVEL:g}", cell) for (name, _), cell in zip(BASES, above_cells())]
    part = Section(results)
    part.add(table(results, rows, figures, first="the base"))
    with_dropout, without = (results.mean(cell, "fid_train") for cell in base_cells())
    if with_dropout is not None and without is not None:
        words = f"at 8x8 FID {with_dropout:.2f} with and {without:.2f} without; {results.noise_words('fid_train', base_cells()[0])}."
        part.verdict(with_dropout < without, words, words, claim="dropout in the base helps")
    part.add(table(results, [(name, cell) for (name, _), cell in zip(SRS, sr_cells())], figures, first="the SR stage"))
    values = [results.mean(cell, "fid_train") for cell in sr_cells()]
    if None in values:
        return part
    label, none, batch, flip = values
    noise = results.noise_words("fid_train")
    words = f"{label:.2f} with a label, {none:.2f} without; {noise}."
    part.verdict(label < none, words, words, claim="the class label helps the SR stage")
    words = f"{batch:.2f} with four times the batch (and images), {label:.2f} without."
    part.verdict(batch < label, words, words, claim="a larger batch helps")
    words = f"{flip:.2f} with flips, {label:.2f} without; digits, unlike photographs, have a left and a right."
    part.verdict(flip < label, words, words, claim="flips help")
    part.add("Each row is one training; the error is of the drawn images only.")
    return part
