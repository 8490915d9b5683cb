"""What one or several loads told of a server."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Outcome:
    """`throughput` in images a second, until the last answer: servers that answer in batches are not cut off within
    one. `window`: the seconds in which requests were sent. p50 and p99 in seconds, none where nothing was answered.
    CPU seconds of the server's processes for each image that it answered, and of the load's own: others on the machine
    change them less than the rest.
    """
    window: float
    answered: int
    throughput: float
    p50: float | None
    p99: float | None
    failures: list
    server_cpu: float | None
    client_cpu: float | None


def percentile(ordered, fraction):
    return ordered[min(len(ordered) - 1, int(fraction * len(ordered)))] if ordered else None


def of(turns):
    """Of the answers to several loads, all requests together."""
    ordered = sorted(seconds for answers in turns for seconds in answers.seconds)
    answered = len(ordered)
    return Outcome(sum(answers.window for answers in turns), answered,
                   answered / sum(max(answers.window, answers.ended) for answers in turns),
                   percentile(ordered, 0.5), percentile(ordered, 0.99),
                   [failure for answers in turns for failure in answers.failures],
                   sum(answers.server_cpu for answers in turns) / answered if answered else None,
                   sum(answers.client_cpu for answers in turns) / answered if answered else None)
