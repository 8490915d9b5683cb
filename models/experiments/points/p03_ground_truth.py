"""3: the SR stage above real images, and above generated ones."""

from cell import FEW_LEVELS, at_level
from section import Section, best, series, table

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
    return []


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
    if not results.has(cells()):
        return part
    words = "FID " + ", ".join(f"{value:.4f}" for value in values) + f" as s grows; {results.noise_words('fid_train')}"
    falls = monotone(values, results.noise("fid_train"))
    part.verdict(falls, "above real inputs quality falls with s", words)
    name, zero, most = f"s = {top[0]:g} (the best)", drawn[0], drawn[-1]
    if top[0] in (0, most[0]):
        part.verdict(False, "above generated inputs the best s lies in the middle", f"{name} {top[1]:.4f}")
    else:
        claim = "above generated inputs the best s lies in the middle"
        part.compare(f"{claim}: better than none", dict(drawn)[top[0]], zero[1], (name, "s = 0"))
        part.compare(f"{claim}: better than much", dict(drawn)[top[0]], most[1], (name, f"s = {most[0]:g}"))
    part.add(
        "The real inputs are training images made smaller, so their cells keep the training set's content; the distance to "
        "the other curve is not a fair comparison of quality, the shapes of the two are."
    )
    return part
