"""The servers take turns: only one is awake, and a slow minute hits both."""

import asyncio
import dataclasses
import sys
import time

from serving import load, outcome, servers
from serving.climb import Rung, following

# Enough requests for a 99th percentile, in a bounded time.
REQUESTS = 300


@dataclasses.dataclass(frozen=True)
class Times:
    """Seconds of a load."""
    warm_up: float = 5
    capacity: float = 30
    shortest: float = 15
    longest: float = 30

    def window(self, rate):
        return min(max(REQUESTS / rate, self.shortest), self.longest)


@dataclasses.dataclass(frozen=True)
class Capacity:
    """Of a server, in a closed loop."""
    server: str
    clients: int
    outcome: outcome.Outcome


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(server, make_load):
    """A load's outcome."""
    async def go():
        async with server.client() as image:
            return await make_load(image)
    with servers.awake(server):
        server_cpu, client_cpu = server.cpu_seconds(), time.process_time()
        answers = asyncio.run(go())
        return outcome.of(answers, server.cpu_seconds() - server_cpu, time.process_time() - client_cpu)


def capacity(server, clients, times):
    """What so many clients get in a closed loop."""
    result = run(server, lambda image: load.closed(image, clients, times.warm_up, times.capacity))
    say(f"{server.name}: {clients} clients get {result.throughput:.1f} images/s")
    return Capacity(server.name, clients, result)


def rung(server, fraction, rate, times, seed):
    result = run(server, lambda image: load.opened(image, rate, times.window(rate), seed))
    say(f"{server.name}: {rate:.1f} requests/s for {result.window:.0f} s: p99 {result.p99} s, "
        f"{len(result.failures)} failed")
    return Rung(fraction, rate, result)


def repeat(contestants, clients, goals, times, seed):
    """Capacities, then rates in turn until every server's goodput is known. The order is turned around each time."""
    contestants = contestants if seed % 2 else contestants[::-1]
    capacities = {server.name: capacity(server, clients, times) for server in contestants}
    rungs = {server.name: [] for server in contestants}
    waiting = list(contestants)
    while waiting:
        for server in list(waiting):
            fraction = following(rungs[server.name], goals)
            if fraction is None:
                waiting.remove(server)
                continue
            rate = fraction * capacities[server.name].outcome.throughput
            rungs[server.name].append(rung(server, fraction, rate, times, seed))
    return {"capacities": capacities, "rungs": rungs}
