"""Which rates a server is asked at, and what its goodput at a goal is. Pure: fractions of its capacity in and out."""

import dataclasses

from serving.outcome import Outcome

LADDER = (0.25, 0.5, 0.75, 1.0, 1.25)
# Between a rate that met a goal and one that missed it.
RESOLUTION = 1 / 16


@dataclasses.dataclass(frozen=True)
class Rung:
    """One load at a fraction of the server's capacity. `rate` in requests a second."""
    fraction: float
    rate: float
    outcome: Outcome

    def meets(self, goal):
        return not self.outcome.failures and self.outcome.p99 is not None and self.outcome.p99 <= goal


def bounds(rungs, goal):
    """(the highest rung that met the goal below the first that missed it, the first that missed it); none where there
    is no such rung."""
    met, missed = None, None
    for rung in sorted(rungs, key=lambda rung: rung.fraction):
        if not rung.meets(goal):
            missed = rung
            break
        met = rung
    return met, missed


def goodput(rungs, goal):
    """The highest rate up to which the goal is met, and nothing fails; 0 where the lowest rate misses it."""
    met, _ = bounds(rungs, goal)
    return met.rate if met else 0.0


def following(rungs, goals):
    """The next fraction: up the ladder until all goals are missed, then between; none at the end."""
    tried = {rung.fraction for rung in rungs}
    lost = any(not rung.meets(max(goals)) for rung in rungs)
    upwards = next((fraction for fraction in LADDER if fraction not in tried), None)
    if upwards and not lost:
        return upwards
    for goal in sorted(goals):
        met, missed = bounds(rungs, goal)
        low = met.fraction if met else 0.0
        if missed and missed.fraction - low > RESOLUTION:
            return (low + missed.fraction) / 2
    return None
