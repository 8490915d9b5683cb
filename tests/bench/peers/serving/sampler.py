"""DPM-Solver++(2M) as a table (Lu et al. 2022, algorithm 2), for a stage of cascade.json; in double precision.

A line is one evaluation of the network:

    x0     = clip(c_x x + c_out output)
    x_next = a x + b (x0 of this line, x0 of the last one)
"""

import dataclasses
import math

import numpy


@dataclasses.dataclass(frozen=True)
class Line:
    timestep: int
    c_x: float
    c_out: float
    a: float
    b: tuple


def alpha_bars(schedule, num_timesteps):
    """What is left of the image's variance at each timestep."""
    if schedule != "cosine":
        raise ValueError(f"schedule {schedule} is not cosine")
    u = numpy.arange(num_timesteps + 1) / num_timesteps
    curve = numpy.cos((u + 0.008) / 1.008 * math.pi / 2) ** 2
    return numpy.cumprod(1 - numpy.minimum(1 - curve[1:] / curve[:-1], 0.999))


def lines(diffusion, sampler):
    """The lines of a stage, in the order they run."""
    if (sampler["kind"], diffusion["prediction"]) != ("dpmpp_2m", "v"):
        raise ValueError(f"sampler {sampler['kind']} of prediction {diffusion['prediction']} is not dpmpp_2m of v")
    bars = alpha_bars(diffusion["schedule"], diffusion["num_timesteps"])
    steps = sampler["steps"]
    timesteps = [round(i * ((len(bars) - 1) / steps)) for i in range(steps, 0, -1)]
    table, last_h = [], None
    for timestep, following in zip(timesteps, [*timesteps[1:], None]):
        signal, noise = math.sqrt(bars[timestep]), math.sqrt(1 - bars[timestep])
        if following is None:  # Of first order, it ends at x0 itself.
            table.append(Line(timestep, signal, -noise, 0.0, (1.0, 0.0)))
            break
        next_signal, next_noise = math.sqrt(bars[following]), math.sqrt(1 - bars[following])
        h = math.log(next_signal / next_noise) - math.log(signal / noise)
        weight = -next_signal * math.expm1(-h)
        correction = 0.5 * weight * h / last_h if last_h else 0.0
        table.append(Line(timestep, signal, -noise, next_noise / noise, (weight + correction, -correction)))
        last_h = h
    return table


def augmentation(conditioning):
    """(signal, noise, what the network is told) of the default level."""
    index = round(conditioning["default_level"] * conditioning["num_timesteps"])
    if index == 0:
        return 1.0, 0.0, 0
    bar = alpha_bars(conditioning["schedule"], conditioning["num_timesteps"])[index - 1]
    return math.sqrt(bar), math.sqrt(1 - bar), index
