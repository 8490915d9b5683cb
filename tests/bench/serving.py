#!/usr/bin/env python3
"""Throughput and latency of the server, beside the bare stage loops, in one run.

    tests/bench/serving.py [--build build] [--package models/zoo/digits/package] [--rounds 3]

In each round: the bare loops of all stages at batch 1 (stage_bench), one client, 32 clients, 64 clients; one image a
request, default settings, all on this machine over loopback. Medians over the rounds, and the ratios that design.md asks
for. Absolute times mean little on a shared machine; the ratios come from one run.
"""

import argparse
import json
import pathlib
import re
import statistics
import subprocess
import tempfile

CLIENTS = (1, 32, 64)
LISTENING = re.compile(r"listening on (\S+)")


def bare_loop(build, package):
    """Seconds for one image through all stages, without a server."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        subprocess.run([build / "bench/stage_bench", package, "--benchmark_filter=^cascade/images:1/",
                        "--benchmark_min_time=2", f"--benchmark_out={out.name}", "--benchmark_out_format=json"],
                       check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        results = json.load(open(out.name))["benchmarks"]
    assert len(results) == 1 and results[0]["time_unit"] == "ms", results
    return results[0]["real_time"] / 1e3


def load(build, server, cascade, clients, requests):
    """What `cascade bench` reports."""
    result = subprocess.run([build / "bin/cascade", "bench", "--server", server, "--cascade", cascade, "--class",
                             "random", "--count", "1", "--clients", str(clients), "--requests", str(requests),
                             "--warmup", str(clients), "--json"], check=True, capture_output=True, text=True)
    return json.loads(result.stdout)


def start_server(build, package, flags):
    server = subprocess.Popen([build / "bin/cascade-server", "--listen", "127.0.0.1:0", "--log_level", "error",
                               "--cascade", f"bench={package}",
                               *flags], stdout=subprocess.PIPE, text=True)
    for line in server.stdout:
        match = LISTENING.search(line)
        if match:
            return server, match.group(1)
    raise SystemExit(f"the server did not start: exit {server.wait()}")


def run_round(build, package, address):
    figures = {"bare": bare_loop(build, package)}
    for clients in CLIENTS:
        report = load(build, address, "bench", clients, 40 if clients == 1 else 20 * clients)
        figures[clients] = (report["images_per_second"], report["latency_seconds"]["p50"],
                            report["latency_seconds"]["p99"])
    return figures


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=pathlib.Path("build"))
    parser.add_argument("--package", default="models/zoo/digits/package")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("flags", nargs="*", help="further flags of cascade-server, after --")
    arguments = parser.parse_args()

    server, address = start_server(arguments.build, arguments.package, arguments.flags)
    try:
        rounds = [run_round(arguments.build, arguments.package, address) for _ in range(arguments.rounds)]
    finally:
        server.terminate()
        server.wait()

    bare = statistics.median(r["bare"] for r in rounds)
    print(f"bare batch-1 loops of all stages: {bare * 1e3:.1f} ms an image")
    print("clients  images/s  p50 ms  p99 ms")
    medians = {}
    for clients in CLIENTS:
        medians[clients] = [statistics.median(r[clients][i] for r in rounds) for i in range(3)]
        rate, p50, p99 = medians[clients]
        print(f"{clients:7d}  {rate:8.1f}  {p50 * 1e3:6.1f}  {p99 * 1e3:6.1f}")
    for clients in CLIENTS[1:]:
        ratios = [r[clients][0] / r[1][0] for r in rounds]
        print(f"throughput, {clients} clients / 1 client: {statistics.median(ratios):.2f}"
              f"  (rounds: {', '.join(f'{x:.2f}' for x in ratios)})")
    ratios = [r[1][1] / r["bare"] for r in rounds]
    print(f"one client's median latency / bare loops: {statistics.median(ratios):.3f}"
          f"  (rounds: {', '.join(f'{x:.3f}' for x in ratios)})")


if __name__ == "__main__":
    main()
