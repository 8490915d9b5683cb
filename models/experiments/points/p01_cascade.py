"""1: a cascade with and without conditioning augmentation, and no cascade."""

from cell import LEVELS, at_level, draw
from section import Section, best, series, table

TITLE = "Cascade and conditioning augmentation"
QUESTION = (
    "Is a cascade with augmentation (level s of the Gaussian noise on the SR stage's input, non-truncated) better than one "
    "without, and than one network at the top resolution whose training cost as much?"
)
PAPER = (
    "Table 4, ImageNet 16 → 64, FID against train: **6.02** at s = 0, **3.41** at s = 101, **2.13** at s = 1001 (of T = 4000), "
    "**2.35** without a cascade."
)
PLAIN = draw("base", "sr-plain")
WHOLE = draw("whole")
REAL = draw("real-test", metrics="fid,is,class")
CAS_LEVELS = (0, 0.125, 0.25)


def cells():
    curve = [at_level(level) for level in LEVELS]
    judged = [*(at_level(level) for level in CAS_LEVELS), PLAIN, WHOLE, draw("real-train")]
    return [*curve, PLAIN, WHOLE, REAL, *(cell.other(metrics="cas") for cell in judged)]


def later():
    return [cell.other(seed=2) for cell in [*(at_level(level) for level in LEVELS), PLAIN, WHOLE]]


def emoji():
    return [emoji_at(level) for level in EMOJI_LEVELS]


EMOJI_LEVELS = (0, 0.05, 0.1, 0.2, 0.3, 0.5)


def emoji_at(level, **options):
    return draw("emoji", augmentation=f"0,{level:g},{level:g}", metrics="kid,pr,class", **options)


def section(results):
    rows = [(f"s = {level:g}", at_level(level)) for level in LEVELS]
    others = [
        ("trained without augmentation", PLAIN),
        ("no cascade", WHOLE),
        ("2,000 real test images", REAL),
        ("8,000 real training images", draw("real-train")),
    ]
    part = Section(results)
    part.add(table(results, [*rows, *others], ("fid_train", "fid_test", "inception_score", "class_found", "cas_top1")))
    part.chart(
        "fid-over-s",
        "FID over the augmentation level",
        "s (share of the timesteps)",
        "FID against train",
        [series(results, "cascade", [(level, at_level(level)) for level in LEVELS], "fid_train")],
        levels=[
            ("no augmentation in training", results.mean(PLAIN, "fid_train")),
            ("no cascade", results.mean(WHOLE, "fid_train")),
        ],
    )
    zero, plain, whole = (results.mean(cell, "fid_train") for cell in (at_level(0), PLAIN, WHOLE))
    top = best(results, [(level, at_level(level)) for level in LEVELS], "fid_train")
    if None in (zero, plain, whole) or not top:
        return part
    level, value = top
    noise = results.noise("fid_train")
    helps = level > 0 and zero - value > 2 * noise
    part.verdict(
        helps,
        f"FID falls from {zero:.2f} at s = 0 to {value:.2f} at s = {level:g}; {results.noise_words('fid_train')}.",
        f"the best s is {level:g} with {value:.2f} against {zero:.2f} at s = 0; {results.noise_words('fid_train')}.",
        claim="augmentation improves a cascade",
    )
    part.verdict(
        value < whole,
        f"{value:.2f} with the cascade at its best s, {whole:.2f} with one network of the same training FLOPs.",
        f"{value:.2f} with the cascade at its best s, {whole:.2f} with one network of the same training FLOPs.",
        claim="an augmented cascade beats one network",
    )
    part.verdict(
        zero > whole,
        f"{zero:.2f} at s = 0, {whole:.2f} without a cascade.",
        f"{zero:.2f} at s = 0 is already better than the {whole:.2f} without a cascade.",
        claim="a cascade without augmentation loses to one network",
    )
    part.add(
        f"The stage that never saw augmentation gets {plain:.2f}; the one that did, {zero:.2f} at s = 0."
        + results.per_class_words(at_level(0.125).other(metrics="cas"), draw("real-train").other(metrics="cas"))
    )
    return part
