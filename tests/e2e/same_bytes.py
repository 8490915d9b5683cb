"""The same requests give the same bytes alone and under load."""

import concurrent.futures
import hashlib
import sys

from harness import Server, check, require_grpc, require_package, stubs

REQUESTS = 50


def main():
    require_package()
    require_grpc()
    import grpc
    modules = stubs()
    api, sampling = modules["image_generation_service_pb2"], modules["sampling_pb2"]

    def request(index):
        kinds = (sampling.SAMPLER_KIND_DDIM, sampling.SAMPLER_KIND_DDPM,
                 sampling.SAMPLER_KIND_DPM_SOLVER_PLUS_PLUS_2M)
        options = [{"sampler": {"kind": kinds[index % 3], "steps": 5 + index % 7}}]
        if index % 2:
            options[0]["guidance"] = {"scale": 1}
        return api.GenerateImageRequest(cascade="digits", class_id=index % 10, seed=index * 1000,
                                        image_count=1 + index % 3, stages=options)

    def digests(stub, index):
        """{(image seed, stage): digest of the bytes}."""
        return {(event.stage_image.image_seed, event.stage_image.stage):
                hashlib.sha256(event.stage_image.image.data).hexdigest()
                for event in stub.GenerateImage(request(index)) if event.HasField("stage_image")}

    with Server() as server, grpc.insecure_channel(server.address) as channel:
        stub = modules["image_generation_service_pb2_grpc"].ImageGenerationServiceStub(channel)
        alone = [digests(stub, index) for index in range(REQUESTS)]
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            # Each twice, in an order of its own, so that they meet different company.
            order = [(index * 37) % REQUESTS for index in range(REQUESTS)] + list(range(REQUESTS))
            loaded = list(pool.map(lambda index: digests(stub, index), order))
    different = sum(alone[index] != result for index, result in zip(order, loaded))
    images = sum(len(result) for result in loaded)
    print(f"{len(order)} requests under load, {images} images, {different} requests with different bytes")
    check(all(len(result) == 3 * (1 + index % 3) for index, result in enumerate(alone)), "images are missing")
    check(different == 0, "bytes differ")
    return 0


if __name__ == "__main__":
    sys.exit(main())
