"""1: a cascade with and without conditioning augmentation, and no cascade."""

from cell import BEST_LEVEL, LEVELS, at_level, draw
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
CAS_LEVELS = (0, BEST_LEVEL, 0.25)


def cells():
    curve = [at_level(level) for level in LEVELS]
    judged = [*(at_level(level) for level in CAS_LEVELS), PLAIN, WHOLE, draw("real-train")]
    twice = [at_level(level, seed=2) for level in (0, BEST_LEVEL)]  # Early: what chance does.
    return [*curve, *twice, PLAIN, WHOLE, REAL, *(cell.other(metrics="cas") for cell in judged)]


def later():
    return [cell.other(seed=2) for cell in [*(at_level(level) for level in LEVELS), PLAIN, WHOLE]]


def emoji():
    return [emoji_at(level) for level in EMOJI_LEVELS]


EMOJI_LEVELS = (0, 0.1, 0.25)


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
    top = best(results, [(level, at_level(level)) for level in LEVELS], "fid_train")
    if not results.has(at_level(level) for level in LEVELS):
        return part
    at_best, name = at_level(top[0]), f"s = {top[0]:g} (the best)"
    if top[0] > 0:
        part.compare("augmentation improves a cascade", at_best, at_level(0), (name, "s = 0"))
    else:
        part.verdict(False, "augmentation improves a cascade", "s = 0 is the best")
    part.compare(
        "an augmented cascade beats one network of the same training FLOPs", at_best, WHOLE, (name, "no cascade")
    )
    part.compare("a cascade without augmentation loses to one network", WHOLE, at_level(0), ("no cascade", "s = 0"))
    part.compare("being trained with augmentation costs nothing at s = 0", at_level(0), PLAIN, ("with", "without"))
    part.add(
        results.per_class_words(at_level(BEST_LEVEL).other(metrics="cas"), draw("real-train").other(metrics="cas"))
    )
    return part
