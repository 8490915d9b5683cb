"""Steps that run for requests that nobody waits for any more."""

from harness import check
from workbench import Figure, metric

STEPS = "cascade_steps_after_cancel_total"


def measure(bench):
    figure = Figure("Cancellation", "0 steps are submitted for an image after its cancel, over 1,000 random cancels.",
                    ("", "requests"))
    with bench.serve() as server:
        load = bench.bench(server, "--clients", 16, "--requests", bench.count(1000), "--cancel", "100%")
        check(any(key.startswith(STEPS) for key in server.metrics()), f"the server has no {STEPS}")
        steps = metric(server, STEPS)
        wasted = metric(server, "cascade_wasted_device_seconds_total")
        computed = metric(server, "cascade_step_seconds_sum")
    figure.rows += [("cancelled", load["cancelled"]), ("done before their cancel", load["requests_ok"])]
    figure.add_ratio("steps submitted after a cancel", f"{steps:.0f}", steps == 0)
    figure.add_ratio("device time spent on cancelled requests before their cancel ÷ all", wasted / computed)
    figure.note = "Each request is cancelled at a random time within the latency of those that succeed."
    return figure
