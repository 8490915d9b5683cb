"""What everything but the lanes costs, and how busy lanes are while there is work."""

import time

from workbench import Figure, cpu_seconds, lane_cpu, metric, num_lanes


def measure(bench):
    figure = Figure("Overhead", "at most 5 % of the lanes' CPU time is spent outside of them; lanes are in a step at "
                    "least 95 % of the time while work waits.", ("threads", "CPU s", "÷ lanes"))
    with bench.serve() as server:
        bench.bench(server, "--clients", 64, "--requests", bench.count(500))
        cpu, steps, begin = cpu_seconds(server), step_seconds(server), time.monotonic()
        # Requests without end: every client waits with one, until the load stops.
        load = bench.bench(server, "--clients", 64, "--requests", bench.count(3000))
        cpu_after, steps_after, wall = cpu_seconds(server), step_seconds(server), time.monotonic() - begin
        lanes = num_lanes(server)
    spent = {name: cpu_after[name] - cpu.get(name, 0) for name in cpu_after}
    inside, outside = lane_cpu(spent)
    for name, seconds in sorted(spent.items(), key=lambda pair: -pair[1])[:8]:
        figure.rows.append((f"`{name}`", f"{seconds:.2f}", f"{seconds / inside:.4f}"))
    figure.add_ratio("CPU-seconds outside the lanes ÷ inside", outside / inside, outside / inside <= 0.05, digits=3)
    busy = (steps_after - steps) / (lanes * wall)
    figure.add_ratio(f"time in steps ÷ time of {lanes} lanes while 64 clients wait", busy, busy >= 0.95, digits=3)
    figure.note = (f"{load['requests_ok']} requests in {wall:.1f} s. The second ratio includes the load tool's start "
                   "and the last replies, when less than 64 wait.")
    return figure


def step_seconds(server):
    return metric(server, "cascade_step_seconds_sum")
