"""Whether the server grows."""

from workbench import Figure

POINTS = 20


def measure(bench):
    figure = Figure("Resident memory", "no growth beyond noise over 10,000 requests.", ("requests", "resident MiB"))
    each = bench.count(10000) // POINTS
    resident = []
    with bench.serve() as server:
        for index in range(POINTS + 1):
            bench.bench(server, "--clients", 16, "--requests", each, "--steps", "2", "--cancel", "5%", "--previews", 1,
                        "--seed", index)
            resident.append(server.resident_kib() / 1024)
            figure.rows.append((index * each, f"{resident[-1]:.1f}"))
    # The first half fills the allocator's pools.
    half = resident[POINTS // 2:]
    noise = max(half) - min(half)
    growth = slope(half) * (len(half) - 1)
    figure.add_ratio("growth over the second half (least squares), MiB", growth, abs(growth) <= max(1.0, noise / 2))
    figure.add_ratio("spread of the second half, MiB", noise)
    figure.note = ("16 clients, 2 steps a stage, previews, 5 % cancelled; the first row is after a warm-up of as many "
                   "requests.")
    return figure


def slope(values):
    """Of the line of least squares, per value."""
    middle = (len(values) - 1) / 2
    mean = sum(values) / len(values)
    return (sum((i - middle) * (value - mean) for i, value in enumerate(values)) /
            sum((i - middle) ** 2 for i in range(len(values))))
