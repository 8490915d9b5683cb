"""Twice as much as the server can do, with deadlines."""

from workbench import Figure, forget_peak, peak_kib


def measure(bench):
    figure = Figure("Overload", "at twice the capacity for two minutes, goodput stays at 0.9 of it, 99 % of the "
                    "admitted requests meet their deadline, the rest are refused in milliseconds, and memory is "
                    "bounded.", ("seconds", "sent", "ok", "refused", "deadline missed"))
    with bench.serve() as server:
        unloaded = bench.bench(server, "--clients", 1, "--requests", 20)["latency_seconds"]["p50"]
        capacity = bench.capacity(server)["images_per_second"]
        deadline = round(20 * unloaded, 2)
        flags = ("--rate", round(2 * capacity, 2), "--deadline", f"{deadline}s", "--goal", f"{deadline}s",
                 "--max-outstanding", 10000)
        bench.bench(server, *flags, "--duration", bench.duration(10), "--seed", 1)  # So that pools are as large.
        resident = server.resident_kib()
        forget_peak(server)
        load = bench.bench(server, *flags, "--duration", bench.duration(120))
        peak, after = peak_kib(server), server.resident_kib()
    add_series(figure, load["series"])
    goodput = load["goodput"]["requests_per_second"] / capacity
    figure.add_ratio("goodput ÷ capacity", goodput, goodput >= 0.9)
    admitted = load["requests"] - load["refused"]
    met = load["goodput"]["requests"] / max(1, admitted)
    figure.add_ratio(f"admitted requests that met their deadline ({admitted} admitted)", met, met >= 0.99, digits=4)
    for reason, refusal in load["refusals"].items():
        tail = refusal["latency_seconds"]["p99"]
        figure.add_ratio(f"p99 until refused, {reason} ({refusal['count']} of {load['requests']})",
                         f"{tail * 1e3:.1f} ms", tail < 0.1)
    figure.add_ratio("resident memory before, at its peak, and after",
                     f"{resident / 1024:.0f}, {peak / 1024:.0f}, {after / 1024:.0f} MiB")
    figure.note = (f"Capacity {capacity:.1f} requests/s (64 clients in a closed loop); deadline {deadline} s, 20 times "
                   "the unloaded latency.")
    return figure


def add_series(figure, series):
    """The load in twelve rows."""
    width = max(1, len(series) // 12)
    for begin in range(0, len(series), width):
        part = series[begin:begin + width]
        figure.rows.append((f"{begin}–{begin + len(part)}",
                            *(sum(second[key] for second in part)
                              for key in ("sent", "ok", "refused", "deadline_missed"))))
