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
EMOJI_SCALES = (1, 3)


def guided(scale, begin=0, end=1, **options):
    if (begin, end) != (0, 1):
        options.update(guidance_begin=begin, guidance_end=end)
    return draw("base", "sr", stage="8x8", guidance=scale, metrics="fid,pr,is,class", **options)


def cells():
    twice = [guided(1, seed=2)]  # Early: what chance does.
    return twice + [guided(scale) for scale in SCALES] + [guided(INTERVAL_SCALE, *interval) for interval in INTERVALS]


def later():
    return [guided(scale, seed=2) for scale in SCALES]


def emoji():
    return [
        draw("emoji", stage="16x16", guidance=f"{scale},1,1", metrics="kid,pr,class") for scale in EMOJI_SCALES
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
    scores = [results.mean(guided(scale), "inception_score") for scale in (1, SCALES[-1])]
    if not results.has(cells()):
        return part
    scale, _ = best(results, whole, "fid_train")
    if scale > 1:
        part.compare("a little guidance improves FID", guided(scale), guided(1), (f"scale {scale:g}", "none"))
    else:
        part.verdict(False, "a little guidance improves FID", "no scale has a smaller FID than none")
    part.compare("much guidance makes FID worse", guided(1), guided(SCALES[-1]), ("none", f"scale {SCALES[-1]:g}"))
    part.verdict(scores[1] > scores[0], "IS rises with the scale", f"{scores[0]:.3f} → {scores[1]:.3f}")
    inner = best(results, parts, "fid_train")
    if inner:
        names = ("t from {:g} to {:g} T".format(*inner[0]), "everywhere")
        claim = f"at scale {INTERVAL_SCALE} an interval is better than guidance everywhere"
        part.compare(claim, dict(parts)[inner[0]], guided(INTERVAL_SCALE), names)
    return part
