"""Clients that draw one image after another until they are told to stop; a program of its own, as clients are.

    load.py TARGET SERVICE_CONFIG CLIENTS STEPS

Stops when its standard input ends, and prints one JSON object: how many requests ended how, and whether the same seed gave
the same bytes every time, from whichever pod.
"""

import asyncio
import collections
import hashlib
import json
import pathlib
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness

SEEDS = 16


class Load:
    """Counts what `clients` loops see."""

    def __init__(self, stub, api, steps):
        self.stub, self.api, self.steps = stub, api, steps
        self.ended = collections.Counter()
        self.failures = []
        self.images = {}
        self.longest = 0.0
        self.stopping = asyncio.Event()

    def request(self, seed):
        return self.api.GenerateImageRequest(
            cascade="digits", class_id=seed % 10, seed=seed, output={"preview_every_steps": 1},
            stages=[{"stage": stage, "sampler": {"steps": steps}} for stage, steps in enumerate(self.steps)])

    async def draw(self, number):
        """One whole stream, checked."""
        import grpc
        begin = time.monotonic()
        events, final = [], b""
        try:
            async for response in self.stub.GenerateImage(self.request(number % SEEDS), timeout=120):
                kind = response.WhichOneof("event")
                events.append(kind)
                if kind == "stage_image":
                    final = response.stage_image.image.data
        except grpc.RpcError as error:
            self.ended[error.code().name] += 1
            self.failures.append({"code": error.code().name, "said": error.details(), "events": len(events),
                                  "at": round(time.time(), 3)})
            return
        whole = events[:1] == ["queued"] and events[-1:] == ["finished"] and events.count("stage_image") == 3
        digest = hashlib.sha256(final).hexdigest()
        same = self.images.setdefault(number % SEEDS, digest) == digest
        self.ended["OK" if whole and same else "OTHER_BYTES" if whole else "NOT_WHOLE"] += 1
        self.longest = max(self.longest, time.monotonic() - begin)

    async def client(self, number, clients):
        while not self.stopping.is_set():
            await self.draw(number)
            number += clients

    async def report_progress(self):
        """A line on standard error whenever a hundred more have ended: whoever waits for a number reads it there."""
        told = 0
        while not self.stopping.is_set():
            await asyncio.wait([asyncio.create_task(self.stopping.wait())], timeout=0.2)
            if sum(self.ended.values()) // 100 > told:
                told = sum(self.ended.values()) // 100
                print(sum(self.ended.values()), file=sys.stderr, flush=True)

    async def run(self, clients):
        stopped = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        begin = time.monotonic()
        tasks = [asyncio.create_task(self.client(number, clients)) for number in range(clients)]
        progress = asyncio.create_task(self.report_progress())
        await stopped
        self.stopping.set()
        await asyncio.gather(*tasks, progress)
        total = sum(self.ended.values())
        return {"requests": total, "ended": dict(self.ended), "failed": total - self.ended["OK"],
                "failures": self.failures[:20], "seeds": len(self.images), "longest_seconds": round(self.longest, 3),
                "requests_per_second": round(total / (time.monotonic() - begin), 1)}


async def main(target, service_config, clients, steps):
    import grpc
    modules = harness.stubs()
    options = [("grpc.service_config", pathlib.Path(service_config).read_text()), ("grpc.keepalive_time_ms", 60_000),
               ("grpc.keepalive_timeout_ms", 20_000), ("grpc.http2.max_pings_without_data", 0)]
    async with grpc.aio.insecure_channel(target, options=options) as channel:
        stub = modules["image_generation_service_pb2_grpc"].ImageGenerationServiceStub(channel)
        load = Load(stub, modules["image_generation_service_pb2"], [int(count) for count in steps.split(",")])
        print(json.dumps(await load.run(int(clients))))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
