"""7: samplers against steps, on the base."""

from cell import draw
from section import Section, series, table

TITLE = "Samplers and steps"
QUESTION = "How many network evaluations does each sampler need?"
PAPER = (
    "The paper samples its base ancestrally in 4,000 steps. Of ADM-64 without guidance: ancestral 250 steps FID 2.07, DDIM 250 steps "
    "2.85 (Karras et al. 2022); multistep solvers are near their best at 20 to 40 evaluations, and at few steps well ahead of DDIM "
    "(EDM ImageNet-64 with 10 evaluations: DDIM 16.72, DPM-Solver++(3M) 5.67)."
)
SAMPLERS = {"ddpm": "DDPM", "ddim": "DDIM", "dpmpp_2m": "DPM-Solver++(2M)"}
STEPS = (4, 8, 16, 32, 64)


def sampled(sampler, steps, **options):
    return draw("base", "sr", stage="8x8", sampler=sampler, sampler_steps=steps, metrics="fid,is,class", **options)


def cells():
    return [sampled(sampler, steps) for steps in STEPS for sampler in SAMPLERS]


def later():
    return [sampled(sampler, 8, seed=2) for sampler in SAMPLERS]


def emoji():
    return []


def section(results):
    part = Section(results)
    part.add("The base alone, judged at 8x8 by a classifier of that size; no guidance.")
    rows = [(f"{name}, {steps}", sampled(key, steps)) for key, name in SAMPLERS.items() for steps in STEPS]
    part.add(table(results, rows, ("fid_train", "fid_test", "inception_score", "class_found"), first="sampler, steps"))
    part.chart(
        "samplers",
        "Samplers of the base",
        "steps",
        "FID against train, at 8x8",
        [
            series(results, name, [(steps, sampled(key, steps)) for steps in STEPS], "fid_train")
            for key, name in SAMPLERS.items()
        ],
        log_x=True,
        log_y=True,
    )
    for steps, ahead, claim in (
        (STEPS[1], "dpmpp_2m", "with few steps the multistep solver is ahead"),
        (STEPS[-1], "ddpm", "with many steps ancestral sampling is ahead"),
    ):
        for other in SAMPLERS:
            if other != ahead:
                names = (f"{SAMPLERS[ahead]} with {steps} steps", SAMPLERS[other])
                part.compare(f"{claim} of {SAMPLERS[other]}", sampled(ahead, steps), sampled(other, steps), names)
    return part
