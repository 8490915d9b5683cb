"""The servers take turns: only one is awake, and a slow minute hits both."""

import asyncio
import dataclasses
import sys
import time

from serving import load, outcome, servers
from serving.climb import Rung, following

# Enough requests for a 99th percentile, in a bounded time.
REQUESTS = 300
# Of each server, in which its capacity is found.
CAPACITY_TURNS = 3


@dataclasses.dataclass(frozen=True)
class Times:
    """Seconds of a load."""
    capacity: float = 15
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
    """A load's answers."""
    async def go():
        async with server.client() as image:
            return await make_load(image)
    with servers.awake(server):
        server_cpu, client_cpu = server.cpu_seconds(), time.process_time()
        answers = asyncio.run(go())
        answers.server_cpu = server.cpu_seconds() - server_cpu
        answers.client_cpu = time.process_time() - client_cpu
        return answers


def capacities(contestants, clients, times):
    """What so many clients get of each server in a closed loop; several short turns each."""
    turns = {server.name: [] for server in contestants}
    for _ in range(CAPACITY_TURNS):
        for server in contestants:
            turns[server.name].append(run(server, lambda image: load.closed(image, clients, times.capacity)))
    found = {name: Capacity(name, clients, outcome.of(answers)) for name, answers in turns.items()}
    for one in found.values():
        say(f"{one.server}: {clients} clients get {one.outcome.throughput:.1f} images/s")
    return found


def rung(server, fraction, rate, times, seed):
    result = outcome.of([run(server, lambda image: load.opened(image, rate, times.window(rate), seed))])
    say(f"{server.name}: {rate:.1f} requests/s for {result.window:.0f} s: p99 {result.p99} s, "
        f"{len(result.failures)} failed")
    return Rung(fraction, rate, result)


def repeat(contestants, clients, goals, times, seed):
    """Capacities, then rates in turn until every server's goodput is known. The order is turned around each time."""
    contestants = contestants if seed % 2 else contestants[::-1]
    found = capacities(contestants, clients, times)
    rungs = {server.name: [] for server in contestants}
    waiting = list(contestants)
    while waiting:
        for server in list(waiting):
            fraction = following(rungs[server.name], goals)
            if fraction is None:
                waiting.remove(server)
                continue
            rate = fraction * found[server.name].outcome.throughput
            rungs[server.name].append(rung(server, fraction, rate, times, seed))
    return {"capacities": found, "rungs": rungs}
