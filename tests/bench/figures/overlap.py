"""What it gains to run all stages side by side."""

import concurrent.futures
import statistics
import threading
import time

from harness import check, stubs
from workbench import Figure


def measure(bench):
    import grpc
    figure = Figure("Overlap", "explained: stages of different requests run side by side; what does that gain over the "
                    "same lanes all on one stage at a time?",
                    ("round", "side by side s", "stage by stage s", "of which stage 0, 1, 2 s",
                     "mean time to an image, side by side s", "stage by stage s"))
    modules = stubs()
    requests, rounds = bench.count(256), 1 if bench.quick else 3
    walls, means = [], []
    with bench.serve() as server, grpc.insecure_channel(server.address) as channel, \
            concurrent.futures.ThreadPoolExecutor(requests) as pool:
        load = StageLoad(modules, channel, pool)
        load.whole(min(requests, 64))  # Warms up.
        for index in range(rounds):
            whole = load.whole(requests)
            parts = load.stage_by_stage(requests)
            check(whole.images == parts.images, "the images of both ways differ")
            walls.append(parts.wall() / whole.wall())
            means.append(parts.mean() / whole.mean())
            figure.rows.append((index + 1, f"{whole.wall():.2f}", f"{parts.wall():.2f}",
                                ", ".join(f"{seconds:.2f}" for seconds in parts.seconds),
                                f"{whole.mean():.2f}", f"{parts.mean():.2f}"))
    bench.commands.append(f"{requests} times: GenerateImage")
    bench.commands.append(f"{requests} times each: GenerateImage(target_stage=0), then UpscaleImage(target_stage=1), "
                          "then UpscaleImage(target_stage=2)")
    figure.add_ratio("wall time, stage by stage ÷ side by side (median)", statistics.median(walls), digits=3)
    figure.add_ratio("mean time to an image, stage by stage ÷ side by side (median)", statistics.median(means),
                     digits=3)
    figure.note = (f"{requests} requests of one image, all at once; stage states travel to the client and back between "
                   "the stages, and the images are the same, byte for byte. On a CPU every lane runs every stage, so "
                   "that one stage at a time keeps all lanes as busy as all side by side do, with batches as full: "
                   "the first ratio has no reason to be far from 1. It has the states' way and the ends of the phases "
                   "(less than a batch is left) against it, and steps of one kind for it. What side by side gains is "
                   "time: images are done one after another, and none waits for all others' lower stages.")
    return figure


class Outcome:
    """Requests that were all sent at once."""

    def __init__(self):
        self.seconds = []  # Of each phase.
        self.images = []
        self.ends = []  # Of each request, since the first phase's begin.

    def wall(self):
        return sum(self.seconds)

    def mean(self):
        return statistics.mean(self.ends)


class StageLoad:
    """Sends requests, each by a thread of its own."""

    def __init__(self, modules, channel, pool):
        self.api = modules["image_generation_service_pb2"]
        self.stub = modules["image_generation_service_pb2_grpc"].ImageGenerationServiceStub(channel)
        self.pool = pool
        # The server reads so many states at a time.
        self.entering = threading.Semaphore(48)

    def whole(self, count):
        """All stages of each request."""
        return self.run([lambda index, _: (self.stub.GenerateImage, self.request(index, 2))], count)

    def stage_by_stage(self, count):
        """A stage of all requests, then the next."""
        return self.run([lambda index, below, stage=stage: self.call(index, stage, below) for stage in range(3)], count)

    def run(self, phases, count):
        outcome, results = Outcome(), [None] * count
        start = time.monotonic()
        for phase in phases:
            begin = time.monotonic()
            calls = [self.pool.submit(self.last_image, *phase(index, results[index])) for index in range(count)]
            results, ends = zip(*(call.result() for call in calls))
            outcome.seconds.append(time.monotonic() - begin)
        outcome.images = [result.image.data for result in results]
        outcome.ends = [end - start for end in ends]
        return outcome

    def call(self, index, stage, below):
        if stage == 0:
            request = self.request(index, 0)
            request.return_stage_state = True
            return self.stub.GenerateImage, request
        return self.stub.UpscaleImage, self.api.UpscaleImageRequest(
            cascade="digits", state=below.state, target_stage=stage, output={"stages": [stage]},
            return_stage_state=stage < 2)

    def request(self, index, stage):
        return self.api.GenerateImageRequest(cascade="digits", class_id=index % 10, seed=index, target_stage=stage,
                                             output={"stages": [stage]})

    def last_image(self, method, request):
        """(the image, when the stream ended)"""
        with self.entering:
            stream = method(request)
            next(stream)  # Queued.
        images = [event.stage_image for event in stream if event.HasField("stage_image")]
        check(len(images) == 1, images)
        return images[0], time.monotonic()
