"""6: classifier-free guidance of the base, its scale and its interval."""

from cell import draw
from section import Section, best, series, table

TITLE = "Guidance"
QUESTION = (
    "What does classifier-free guidance of the base do, by its scale and by the interval of timesteps in which it acts?"
)
PAPER = (
    "The paper uses none. Ho & Salimans (2022), ImageNet 64: FID 1.80 without, **1.55** at scale 1.1, 12.6 at scale 2, while IS "
    "rises from 53.7 to 170. Kynkäänniemi et al. (2024): guidance at middling noise only gives a better FID, 2.23 → 1.68 "
    "(EDM2-S at 512)."
)
SCALES = (1, 1.25, 1.5, 2, 3, 4)
# Begin and end of the interval, as shares of the timesteps (1: noise).
INTERVALS = ((0, 0.5), (0.25, 0.75), (0.5, 1))
INTERVAL_SCALE = 3
EMOJI_SCALES = (1, 1.5, 2, 3)


def guided(scale, begin=0, end=1, **options):
    if (begin, end) != (0, 1):
        options.update(guidance_begin=begin, guidance_end=end)
    return draw("base", "sr", stage="8x8", guidance=scale, metrics="fid,pr,is,class", **options)


def cells():
    return [guided(scale) for scale in SCALES] + [guided(INTERVAL_SCALE, *interval) for interval in INTERVALS]


def later():
    return [cell.other(seed=2) for cell in cells()]


def emoji():
    return [
        draw("emoji", guidance=f"{scale},1,1", augmentation="0,0.1,0.1", metrics="kid,pr,class")
        for scale in EMOJI_SCALES
    ]


def section(results):
    whole = [(scale, guided(scale)) for scale in SCALES]
    parts = [(interval, guided(INTERVAL_SCALE, *interval)) for interval in INTERVALS]
    part = Section(results)
    rows = [(f"scale {scale:g}", cell) for scale, cell in whole]
    rows += [(f"scale {INTERVAL_SCALE}, t from {a:g} to {b:g} T", cell) for (a, b), cell in parts]
    figures = ("fid_train", "fid_test", "inception_score", "class_found", "precision_train", "recall_train")
    part.add("Judged at 8x8, by a classifier of that size.")
    part.add(table(results, rows, figures))
    part.chart(
        "guidance",
        "Guidance of the base",
        "inception score",
        "FID against train",
        [
            series(results, "scale 1 to 4", [(results.mean(c, "inception_score"), c) for _, c in whole], "fid_train"),
            series(
                results,
                "intervals",
                [(results.mean(c, "inception_score"), c) for _, c in parts],
                "fid_train",
                line=False,
            ),
        ],
    )
    top = best(results, whole, "fid_train")
    none, strong = results.mean(guided(1), "fid_train"), results.mean(guided(SCALES[-1]), "fid_train")
    scores = [results.mean(guided(scale), "inception_score") for scale in (1, SCALES[-1])]
    if not top or none is None or strong is None:
        return part
    scale, value = top
    words = f"FID {none:.2f} without, {value:.2f} at scale {scale:g}, {strong:.2f} at scale {SCALES[-1]:g}; "
    words += f"IS {scores[0]:.2f} → {scores[1]:.2f}; {results.noise_words('fid_train', guided(1))}."
    part.verdict(strong > none and scores[1] > scores[0], words, words, claim="scale trades FID for IS")
    inner = best(results, parts, "fid_train")
    full = results.mean(guided(INTERVAL_SCALE), "fid_train")
    if inner and full is not None:
        (a, b), fid = inner
        words = f"at scale {INTERVAL_SCALE}, {fid:.2f} for t from {a:g} to {b:g} T, {full:.2f} everywhere."
        part.verdict(
            fid < full - 2 * results.noise("fid_train", guided(1)),
            words,
            words,
            claim="an interval beats guidance everywhere",
        )
    return part
