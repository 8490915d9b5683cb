"""The same requests alone, and in company of all kinds."""

import concurrent.futures
import hashlib
import random

from harness import check, stubs
from workbench import Figure

PARALLEL = 32


def measure(bench):
    import grpc
    figure = Figure("Same bytes", "0 images differ between a request alone and the same one under a random load.",
                    ("", "requests", "images"))
    modules = stubs()
    requests = [make_request(modules, index) for index in range(bench.count(1000))]
    with bench.serve() as server, grpc.insecure_channel(server.address) as channel:
        stub = modules["image_generation_service_pb2_grpc"].ImageGenerationServiceStub(channel)
        alone = [digests(stub, request) for request in requests]
        order = list(range(len(requests)))
        random.Random(1).shuffle(order)
        with concurrent.futures.ThreadPoolExecutor(PARALLEL) as pool:
            # Every third one is sent twice, and cancelled the first time.
            loaded = dict(zip(order, pool.map(lambda index: in_company(stub, requests[index], index), order)))
    images = sum(len(result) for result in alone)
    figure.rows += [("alone", len(requests), images), (f"{PARALLEL} at a time", len(loaded),
                                                       sum(len(result) for result in loaded.values()))]
    different = sum(loaded[index] != alone[index] for index in order)
    check(images > len(requests), "images are missing")
    figure.add_ratio("requests with different bytes", str(different), different == 0)
    bench.commands.append(f"GenerateImage x {len(requests)} one after another, then in another order, {PARALLEL} at a "
                          "time")
    figure.note = ("Three samplers, 2 to 9 steps, with and without guidance, 1 to 3 images, all priorities, random "
                   "order; a third of them beside a twin that is cancelled. SHA-256 of every stage's image.")
    return figure


def make_request(modules, index):
    rng = random.Random(index)
    sampling, priorities = modules["sampling_pb2"], modules["scheduling_pb2"]
    kind = rng.choice((sampling.SAMPLER_KIND_DDIM, sampling.SAMPLER_KIND_DDPM,
                       sampling.SAMPLER_KIND_DPM_SOLVER_PLUS_PLUS_2M))
    options = {"sampler": {"kind": kind, "steps": rng.randint(2, 9)}}
    if rng.random() < 0.5:
        options["guidance"] = {"scale": 1}
    return modules["image_generation_service_pb2"].GenerateImageRequest(
        cascade="digits", class_id=rng.randrange(10), seed=index * 1000, image_count=rng.randint(1, 3),
        stages=[options], priority=rng.choice((priorities.PRIORITY_BATCH, priorities.PRIORITY_STANDARD,
                                               priorities.PRIORITY_INTERACTIVE)))


def in_company(stub, request, index):
    if index % 3 == 0:
        twin = stub.GenerateImage(request)
        next(twin)
        twin.cancel()
    return digests(stub, request)


def digests(stub, request):
    """{(image seed, stage): digest of the bytes}."""
    return {(event.stage_image.image_seed, event.stage_image.stage):
            hashlib.sha256(event.stage_image.image.data).hexdigest()
            for event in stub.GenerateImage(request) if event.HasField("stage_image")}
