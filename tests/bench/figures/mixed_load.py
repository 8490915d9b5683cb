"""Short requests beside long ones: under the step policy, and under whole-request dynamic batching."""

from workbench import Figure

MIX = "90%:name=short:steps=4,4,2;10%:name=long:steps=40,40,20"
POLICIES = {"step": (), "request": ("--policy", "request")}


def measure(bench):
    figure = Figure("Mixed load", "at 70 % of capacity, the short requests' p99 under the step policy is at most half "
                    "of that under whole-request dynamic batching, which the peers do, on the same executor; "
                    "throughput is not lower.",
                    ("policy", "capacity requests/s", "rate", "short p50 ms", "short p99 ms", "long p99 ms", "done/s"))
    capacities, loads = {}, {}
    for policy, flags in POLICIES.items():
        with bench.serve(*flags) as server:
            capacities[policy] = bench.capacity(server, "--mix", MIX)["requests_per_second"]
    # The same requests at the same times for both.
    rate = round(0.7 * min(capacities.values()), 2)
    for policy, flags in POLICIES.items():
        with bench.serve(*flags) as server:
            bench.bench(server, "--clients", 16, "--requests", bench.count(200), "--mix", MIX)
            loads[policy] = bench.bench(server, "--rate", rate, "--duration", bench.duration(90), "--mix", MIX)
    for policy, load in loads.items():
        short, long = (load["mix"][name]["latency_seconds"] for name in ("short", "long"))
        figure.rows.append((f"`{policy}`", f"{capacities[policy]:.2f}", rate, f"{short['p50'] * 1e3:.0f}",
                            f"{short['p99'] * 1e3:.0f}", f"{long['p99'] * 1e3:.0f}",
                            f"{load['requests_per_second']:.2f}"))
    tails = {policy: load["mix"]["short"]["latency_seconds"]["p99"] for policy, load in loads.items()}
    ratio = tails["step"] / tails["request"]
    figure.add_ratio("p99 of the short ones, step ÷ request", ratio, ratio <= 0.5)
    throughput = capacities["step"] / capacities["request"]
    figure.add_ratio("capacity, step ÷ request", throughput, throughput >= 0.97)
    figure.note = ("Capacity is what 64 clients in a closed loop get of this mix; the rate is 70 % of the lower one of "
                   "the two policies'. p99 of so few long requests is close to their slowest.")
    return figure
