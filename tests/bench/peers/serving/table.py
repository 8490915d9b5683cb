"""Markdown of what was measured."""

import statistics

from serving.climb import goodput

OURS = "cascade"
OUTCOME = ["images/s", "p50 ms", "p99 ms", "failed", "server CPU ms/image", "client CPU ms/image"]


def milliseconds(seconds):
    return "-" if seconds is None else f"{seconds * 1e3:.0f}"


def lines(head, rows):
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    yield from ("| " + " | ".join(map(str, row)) + " |" for row in rows)
    yield ""


def outcome_cells(outcome):
    sent = outcome.answered + len(outcome.failures)
    return [f"{outcome.throughput:.1f}", milliseconds(outcome.p50), milliseconds(outcome.p99),
            f"{len(outcome.failures)} of {sent}", milliseconds(outcome.server_cpu), milliseconds(outcome.client_cpu)]


def capacity_rows(capacities):
    for one in capacities:
        yield [one.server, one.clients, *outcome_cells(one.outcome)]


def rung_rows(repeats):
    for number, repeat in enumerate(repeats, 1):
        for name, rungs in repeat["rungs"].items():
            for rung in sorted(rungs, key=lambda rung: rung.rate):
                yield [number, name, f"{rung.rate:.1f}", *outcome_cells(rung.outcome)]


def best(values):
    """The best peer's (name, value)."""
    return max(((name, value) for name, value in values.items() if name != OURS), key=lambda pair: pair[1])


def ratio_row(what, repeats):
    """`repeats` has a value for each server. The ratio is the median of the repeats', each with its best peer."""
    peers = [best(values) for values in repeats]
    ratios = [values[OURS] / peer if peer else float("inf") for values, (_, peer) in zip(repeats, peers)]
    ratio = statistics.median(ratios)
    return [what, ", ".join(f"{values[OURS]:.1f}" for values in repeats),
            ", ".join(f"{value:.1f} ({name})" for name, value in peers),
            "∞" if ratio == float("inf") else f"**{ratio:.2f}**"]


def ratio_rows(report):
    repeats = report["repeats"]
    capacities = [{name: one.outcome for name, one in repeat["capacities"].items()} for repeat in repeats]
    yield ratio_row("capacity, images/s", [{name: outcome.throughput for name, outcome in outcomes.items()}
                                           for outcomes in capacities])
    yield ratio_row("images per CPU second at capacity",
                    [{name: 1 / outcome.server_cpu if outcome.server_cpu else 0.0 for name, outcome in outcomes.items()}
                     for outcomes in capacities])
    for goal in report["goals"]:
        yield ratio_row(f"goodput at p99 <= {goal:g} s, requests/s",
                        [{name: goodput(rungs, goal) for name, rungs in repeat["rungs"].items()} for repeat in repeats])


def failures(report):
    """Each kind, once."""
    rungs = [rung for repeat in report["repeats"] for rungs in repeat["rungs"].values() for rung in rungs]
    return sorted({failure for rung in rungs for failure in rung.outcome.failures})


def markdown(report):
    """The whole report, but for the machine."""
    capacities = report["capacities"] + [one for repeat in report["repeats"] for one in repeat["capacities"].values()]
    text = [*lines(["server", "clients", *OUTCOME], capacity_rows(capacities))]
    if report["repeats"]:
        text += lines(["repeat", "server", "requests/s", *OUTCOME], rung_rows(report["repeats"]))
        text += lines(["", "Cascade", "best LitServe", "Cascade ÷ LitServe"], ratio_rows(report))
    return "\n".join([*text, *(f"- failed: {failure}" for failure in failures(report))])
