"""3: the SR stage above real images, and above generated ones."""

from cell import FEW_LEVELS, at_level
from section import Section, best, series, table
from points.p01_cascade import EMOJI_LEVELS, emoji_at

TITLE = "Real and generated inputs"
QUESTION = (
    "Does augmentation mend the gap between the images that the SR stage was trained above and those it is given?"
)
PAPER = (
    "Above real low-resolution images quality falls with s from the start; above generated ones it is best in the middle "
    "(section 4, ground-truth against generated conditioning)."
)
LEVELS = (0, *FEW_LEVELS)


def cells():
    return [at_level(level, real_inputs=True) for level in LEVELS] + [at_level(level) for level in LEVELS]


def later():
    return [cell.other(seed=2) for cell in cells()]


def emoji():
    return [emoji_at(level, real_inputs=True) for level in EMOJI_LEVELS]


def monotone(values, slack):
    return all(after > before - slack for before, after in zip(values, values[1:]))


def section(results):
    real = [(level, at_level(level, real_inputs=True)) for level in LEVELS]
    drawn = [(level, at_level(level)) for level in LEVELS]
    part = Section(results)
    rows = [(f"s = {level:g}, real", cell) for level, cell in real]
    rows += [(f"s = {level:g}, generated", cell) for level, cell in drawn]
    part.add(table(results, rows, ("fid_train", "fid_test", "inception_score", "class_found")))
    part.chart(
        "ground-truth",
        "Inputs of the SR stage",
        "s (share of the timesteps)",
        "FID against train",
        [series(results, "generated", drawn, "fid_train"), series(results, "real", real, "fid_train")],
    )
    values = [results.mean(cell, "fid_train") for _, cell in real]
    top = best(results, drawn, "fid_train")
    if None in values or not top:
        return part
    noise = results.noise("fid_train")
    words = "FID " + ", ".join(f"{value:.2f}" for value in values) + " as s grows."
    part.verdict(monotone(values, 2 * noise), words, words, claim="real inputs: the less noise, the better")
    level, value = top
    zero = results.mean(drawn[0][1], "fid_train")
    words = f"best at s = {level:g} ({value:.2f}; {zero:.2f} at s = 0; {results.noise_words('fid_train')})."
    between = 0 < level < LEVELS[-1] and zero - value > 2 * noise
    part.verdict(between, words, words, claim="generated inputs: the best s lies in the middle")
    part.add(
        "The real inputs are training images made smaller, so their cells keep the training set's content; the distance to "
        "the other curve is not a fair comparison of quality, the shapes of the two are."
    )
    return part
