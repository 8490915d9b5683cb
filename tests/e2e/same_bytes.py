"""The same requests give the same bytes alone and under load, in either precision."""

import concurrent.futures
import hashlib
import pathlib
import sys

from harness import Server, check, require_grpc, require_package, stubs

REQUESTS = {"fp32": 50, "bf16": 15}


def same_bytes(precision):
    """The digests of the images that were drawn alone, once they were found to be those of a loaded server."""
    import grpc
    modules = stubs()
    api, sampling = modules["image_generation_service_pb2"], modules["sampling_pb2"]
    requests = REQUESTS[precision]

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
        events = list(stub.GenerateImage(request(index)))
        for stage in events[-1].finished.record.stages:
            check([sampling.Precision.Name(value) for value in stage.precisions] == [f"PRECISION_{precision.upper()}"],
                  f"a {precision} server made {stage}")
        return {(event.stage_image.image_seed, event.stage_image.stage):
                hashlib.sha256(event.stage_image.image.data).hexdigest()
                for event in events if event.HasField("stage_image")}

    with Server("--precision", precision) as server, grpc.insecure_channel(server.address) as channel:
        stub = modules["image_generation_service_pb2_grpc"].ImageGenerationServiceStub(channel)
        alone = [digests(stub, index) for index in range(requests)]
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            # Each twice, in an order of its own, so that they meet different company.
            order = [(index * 37) % requests for index in range(requests)] + list(range(requests))
            loaded = list(pool.map(lambda index: digests(stub, index), order))
    different = sum(alone[index] != result for index, result in zip(order, loaded))
    images = sum(len(result) for result in loaded)
    print(f"{precision}: {len(order)} requests under load, {images} images, {different} requests with different bytes")
    check(all(len(result) == 3 * (1 + index % 3) for index, result in enumerate(alone)), "images are missing")
    check(different == 0, "bytes differ")
    return alone


def main():
    require_package()
    require_grpc()
    exact = same_bytes("fp32")
    if "avx512bw" not in pathlib.Path("/proc/cpuinfo").read_text():
        print("no bf16 on this machine")
        return 0
    check(same_bytes("bf16") != exact[:REQUESTS["bf16"]], "bf16 rounds nothing")
    return 0


if __name__ == "__main__":
    sys.exit(main())
