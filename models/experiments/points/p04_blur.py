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
    none = results.mean(ROWS[0][1], "fid_train")
    top = best(results, ROWS, "fid_train")
    blurred = best(results, ROWS[1:], "fid_train")
    if none is None or not top or not blurred:
        return part
    name, value = blurred
    noise = results.noise("fid_train")
    words = f"{value:.2f} with {name}, {none:.2f} without; {results.noise_words('fid_train')}."
    part.verdict(none - value > 2 * noise, words, words, claim="blur in training helps")
    part.verdict(top[0] == "sigma 0.4 to 0.6", f"{top[0]}.", f"{top[0]}.", claim="0.4 to 0.6 is the best range")
    part.add(
        "Each row is one training: what another seed of the training would change is not in the error, which is of the drawn "
        "images only."
    )
    return part
