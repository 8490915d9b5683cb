"""5: how many steps the SR stage needs."""

from cell import BEST_LEVEL, at_level
from points.p01_cascade import emoji_at
from section import Section, series, table

TITLE = "Steps of the super-resolution stage"
QUESTION = "How many steps does the SR stage need?"
PAPER = "Figure 8, 64 → 256: **4** steps are only slightly worse than 100, and 100 to 1,000 gain nothing."
FEW, MANY = (2, 4, 8, 16), (50, 100)
EMOJI_STEPS = (2, 4)  # And 10, its default.


def stepped(steps, sampler="dpmpp_2m", **options):
    if (steps, sampler) == (4, "dpmpp_2m"):  # The default: a cell of other experiments.
        return at_level(BEST_LEVEL, **options)
    return at_level(BEST_LEVEL, sampler_steps=f"16,{steps}", sampler=f"dpmpp_2m,{sampler}", **options)


def cells():
    return [stepped(steps) for steps in FEW]


def later():
    return [stepped(steps) for steps in MANY] + [stepped(steps, "ddpm") for steps in FEW]


def emoji():
    return [emoji_at(0.1, sampler_steps=f"20,{steps},{steps}") for steps in EMOJI_STEPS] + [emoji_at(0.1)]


def section(results):
    solver = [(steps, stepped(steps)) for steps in FEW + MANY]
    ancestral = [(steps, stepped(steps, "ddpm")) for steps in FEW]
    part = Section(results)
    rows = [(f"{steps}, DPM-Solver++(2M)", cell) for steps, cell in solver]
    rows += [(f"{steps}, DDPM", cell) for steps, cell in ancestral]
    part.add(
        table(results, rows, ("fid_train", "fid_test", "inception_score", "class_found"), first="steps of the SR stage")
    )
    part.chart(
        "sr-steps",
        "Steps of the SR stage",
        "steps",
        "FID against train",
        [
            series(results, "DPM-Solver++(2M)", solver, "fid_train"),
            series(results, "DDPM (ancestral)", ancestral, "fid_train"),
        ],
        log_x=True,
    )
    four = results.mean(stepped(4), "fid_train")
    known = [(steps, results.mean(cell, "fid_train")) for steps, cell in solver if steps > 4]
    known = [(steps, value) for steps, value in known if value is not None]
    if four is None or not known:
        return part
    steps, value = known[-1]
    words = f"{four:.4f} with 4 steps, {value:.4f} with {steps}; {results.noise_words('fid_train')}"
    near = four - value <= max(0.15 * value, 2 * results.noise("fid_train"))
    part.verdict(near, "4 steps are nearly enough", words)
    return part
