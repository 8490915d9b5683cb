"""What a load told of a server."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Outcome:
    """`throughput` in images a second. p50 and p99 in seconds, none where nothing was answered. CPU seconds of the
    server's processes for each image that it answered, and of the load's own: others on the machine change them least.
    """
    window: float
    answered: int
    throughput: float
    p50: float | None
    p99: float | None
    failures: list
    server_cpu: float | None
    client_cpu: float | None


def of(answers, server_cpu, client_cpu):
    answered = len(answers.seconds)
    return Outcome(answers.window, answered, answers.throughput, answers.percentile(0.5), answers.percentile(0.99),
                   answers.failures, server_cpu / answered if answered else None,
                   client_cpu / answered if answered else None)
