"""How much more the server does for many clients than for one, and what that costs each of them."""

from workbench import Figure

CLIENTS = (1, 4, 16, 64)


def measure(bench):
    figure = Figure("Throughput", "64 clients get at least 5 times the images of one; one client waits at most 1.15 "
                    "times as long as the bare loops take.",
                    ("load", "images/s", "p50 ms", "p99 ms", "÷ 1 client"))
    bare = bench.bare_loop()
    with bench.serve() as server:
        loads = {clients: bench.bench(server, "--clients", clients, "--warmup", clients, "--duration",
                                      bench.duration(30)) for clients in CLIENTS}
        rate = round(0.8 * loads[CLIENTS[-1]]["images_per_second"], 2)
        loaded = bench.bench(server, "--rate", rate, "--duration", bench.duration(60))
    one = loads[1]
    for clients, load in loads.items():
        figure.rows.append(row(f"{clients} clients", load, one))
    figure.rows.append(row(f"{rate} requests/s, Poisson (80 %)", loaded, one))
    gain = loads[64]["images_per_second"] / one["images_per_second"]
    figure.add_ratio("images/s, 64 clients ÷ 1 client", gain, gain >= 5)
    latency = one["latency_seconds"]["p50"] / bare
    figure.add_ratio(f"one client's median latency ÷ bare batch-1 loops ({bare * 1e3:.1f} ms)", latency,
                     latency <= 1.15, digits=3)
    figure.add_ratio("p99 at 80 % of capacity ÷ one client's median",
                     loaded["latency_seconds"]["p99"] / one["latency_seconds"]["p50"])
    figure.note = ("One image a request, default settings; the clients run on the same cores as the server. The gain "
                   "comes from as many lanes as cores, and from batches, whose rows share a step's weights and calls. "
                   "It was 5.20 when the modules were served (6.1 and 31.7 images/s, 163 ms for one client): then one "
                   "image alone paid for every call of an operation, which the plan has few of.")
    return figure


def row(name, load, one):
    latency = load["latency_seconds"]
    return (name, f"{load['images_per_second']:.1f}", f"{latency['p50'] * 1e3:.0f}", f"{latency['p99'] * 1e3:.0f}",
            f"{load['images_per_second'] / one['images_per_second']:.2f}")
