"""2: truncated against non-truncated conditioning augmentation."""

from cell import FEW_LEVELS, at_level
from section import Section, best, series, table

TITLE = "Truncated and non-truncated"
QUESTION = "Does it matter whether the base stops at s, or runs to its end and is noised again?"
PAPER = (
    "Table 5, ImageNet 32 → 64: **1.71** at s = 0, **1.48** at the best s of both; truncated is best at s = 501 and 751, "
    "non-truncated at 751 and 1251 (of 4000). Both are about equal, and non-truncated is the practical one."
)
BOTH = "truncated,truncated"


def truncated(level, **options):
    return at_level(level, augmentation_mode=BOTH, **options)


def cells():
    return [truncated(level) for level in FEW_LEVELS] + [at_level(level) for level in (0, *FEW_LEVELS)]


def later():
    return [cell.other(seed=2) for cell in cells()]


def emoji():
    return []


def section(results):
    levels = (0, *FEW_LEVELS)
    # At level 0 there is nothing to truncate.
    cut = [(level, truncated(level) if level else at_level(0)) for level in levels]
    noised = [(level, at_level(level)) for level in levels]
    part = Section(results)
    rows = [(f"s = {level:g}, non-truncated", cell) for level, cell in noised]
    rows += [(f"s = {level:g}, truncated", cell) for level, cell in cut[1:]]
    part.add(table(results, rows, ("fid_train", "fid_test", "inception_score", "class_found")))
    part.chart(
        "truncated",
        "Truncated and non-truncated augmentation",
        "s (share of the timesteps)",
        "FID against train",
        [series(results, "non-truncated", noised, "fid_train"), series(results, "truncated", cut, "fid_train")],
    )
    tops = best(results, noised, "fid_train"), best(results, cut, "fid_train")
    if not results.has(cells()):
        return part
    (a, fid_a), (b, fid_b) = tops
    noise = results.noise("fid_train")
    words = f"{fid_a:.4f} at s = {a:g} non-truncated, {fid_b:.4f} at s = {b:g} truncated; {results.noise_words('fid_train')}"
    part.verdict(abs(fid_a - fid_b) <= max(2 * noise, 0.1 * fid_a), "both are about equal at their best", words)
    part.verdict(
        b <= a, "truncated is best at the same or a smaller s", f"s = {b:g} truncated, s = {a:g} non-truncated"
    )
    return part
