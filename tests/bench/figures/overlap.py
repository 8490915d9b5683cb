"""What it gains to run all stages side by side."""

import concurrent.futures
import statistics
import time

from harness import check, stubs
from workbench import Figure


def measure(bench):
    import grpc
    figure = Figure("Overlap", "explained: stages of different requests run side by side; what does that gain over the "
                    "same lanes all on one stage at a time?",
                    ("round", "side by side s", "stage 0 s", "stage 1 s", "stage 2 s", "sum ÷ side by side"))
    modules = stubs()
    requests, rounds = bench.count(256), 1 if bench.quick else 3
    ratios = []
    with bench.serve() as server, grpc.insecure_channel(server.address) as channel, \
            concurrent.futures.ThreadPoolExecutor(requests) as pool:
        load = StageLoad(modules, channel, pool)
        load.whole(min(requests, 64))  # Warms up.
        for index in range(rounds):
            whole, whole_images = load.whole(requests)
            parts, part_images = load.stage_by_stage(requests)
            check(whole_images == part_images, "the images of both ways differ")
            ratios.append(sum(parts) / whole)
            figure.rows.append((index + 1, f"{whole:.2f}", *(f"{part:.2f}" for part in parts), f"{ratios[-1]:.3f}"))
    bench.commands.append(f"GenerateImage x {requests}; and GenerateImage(target_stage=0), UpscaleImage(target_stage=1), "
                          f"UpscaleImage(target_stage=2) x {requests}, each after all of the one before")
    figure.add_ratio("wall time, one stage at a time ÷ side by side (median)", statistics.median(ratios), digits=3)
    figure.note = (f"{requests} requests of one image, all at once; stage states travel to the client and back between "
                   "the stages. The images are the same, byte for byte. On a CPU every lane runs every stage, so that "
                   "one stage at a time keeps all lanes as busy as all side by side; what side by side gains is the "
                   "end of each phase, when less than a full batch is left, and the states' way. What a user gains is "
                   "latency: the first image is done long before the last one's first stage is.")
    return figure


class StageLoad:
    """Requests that are all sent at once."""

    def __init__(self, modules, channel, pool):
        self.api = modules["image_generation_service_pb2"]
        self.stub = modules["image_generation_service_pb2_grpc"].ImageGenerationServiceStub(channel)
        self.pool = pool

    def whole(self, count):
        """(seconds, images) of all stages."""
        begin = time.monotonic()
        calls = [self.pool.submit(self.last_image, self.stub.GenerateImage, self.request(index, 2))
                 for index in range(count)]
        images = [call.result().image.data for call in calls]
        return time.monotonic() - begin, images

    def stage_by_stage(self, count):
        """([seconds of each stage], images of the last)"""
        seconds, results = [], [None] * count
        for stage in range(3):
            begin = time.monotonic()
            calls = [self.pool.submit(self.last_image, *self.call(index, stage, results[index]))
                     for index in range(count)]
            results = [call.result() for call in calls]
            seconds.append(time.monotonic() - begin)
        return seconds, [result.image.data for result in results]

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

    @staticmethod
    def last_image(method, request):
        images = [event.stage_image for event in method(request) if event.HasField("stage_image")]
        check(len(images) == 1, images)
        return images[0]
