"""Steps that run for requests that nobody waits for any more."""

import json
import subprocess
import tempfile

from harness import BIN
from workbench import Figure, metric


def measure(bench):
    figure = Figure("Cancellation", "0 steps are submitted for an image after its cancel, over 1,000 random cancels.",
                    ("on the server", "requests"))
    counts = engine_test(bench)
    with bench.serve() as server:
        load = bench.bench(server, "--clients", 16, "--requests", bench.count(1000), "--cancel", "100%")
        wasted = metric(server, "cascade_wasted_device_seconds_total")
        computed = metric(server, "cascade_step_seconds_sum")
    figure.rows += [("cancelled", load["cancelled"]), ("done before their cancel", load["requests_ok"])]
    steps, cancels = counts["steps_after_cancel"], counts["cancels"]
    begun = counts["cancelled_with_steps_done"]
    figure.add_ratio(f"steps submitted after {cancels} random cancels in the engine ({begun} of them with steps done)",
                     steps, steps == "0")
    figure.add_ratio("device time spent on cancelled requests before their cancel ÷ all", wasted / computed)
    figure.note = ("In the engine, the lanes stand still within steps while a request is cancelled, so that before and "
                   "after are exact. On the server, each request is cancelled at a random time within the latency of "
                   "those that succeed.")
    return figure


def engine_test(bench):
    """What the test counted: real scheduler and lanes, scripted steps."""
    bench.commands.append("engine_random_test")
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        subprocess.run([BIN.parent / "tests" / "bin" / "engine_random_test", f"--gtest_output=json:{out.name}"],
                       check=True, capture_output=True, timeout=300)
        return json.load(open(out.name))["testsuites"][0]["testsuite"][0]
