"""Clients behind Envoy; a program of its own, because it speaks gRPC.

    proxy_client.py HOST:PORT watch|web|cancel

`watch` and `web` draw one long image and print a JSON line for each event as it comes: as gRPC, and as gRPC-Web over
HTTP/1.1. `cancel` ends its call at the first preview.
"""

import http.client
import json
import pathlib
import struct
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))
import harness

METHOD = "/cascade.v1.ImageGenerationService/GenerateImage"
TRAILERS = 0x80


def tell(**what):
    print(json.dumps(what), flush=True)


def long_request(api):
    return api.GenerateImageRequest(cascade="digits", class_id=7, seed=7, image_count=4,
                                    output={"preview_every_steps": 10},
                                    stages=[{"sampler": {"kind": "SAMPLER_KIND_DDPM", "steps": 200}}])


def watch(address, api, stubs, stop_at=None):
    import grpc
    with grpc.insecure_channel(address) as channel:
        call = stubs.ImageGenerationServiceStub(channel).GenerateImage(
            long_request(api), timeout=300, metadata=(("x-request-id", f"proxy-{stop_at or 'watch'}"),))
        try:
            for response in call:
                tell(event=response.WhichOneof("event"))
                if response.WhichOneof("event") == stop_at:
                    call.cancel()
        except grpc.RpcError as error:
            tell(status=error.code().name)
            return
        tell(status="OK", request_id=dict(call.trailing_metadata()).get("x-request-id"))


def read_exactly(response, count):
    data = b""
    while len(data) < count:
        more = response.read(count - len(data))
        if not more:
            return None
        data += more
    return data


def web(address, api):
    """gRPC-Web: messages and, at the end, the trailers, each behind five bytes."""
    message = long_request(api).SerializeToString()
    connection = http.client.HTTPConnection(address, timeout=300)
    connection.request("POST", METHOD, struct.pack(">BI", 0, len(message)) + message, {
        "content-type": "application/grpc-web+proto", "x-grpc-web": "1", "origin": "https://pictures.example.com"})
    response = connection.getresponse()
    tell(http=response.status, content_type=response.getheader("content-type"),
         allowed_origin=response.getheader("access-control-allow-origin"))
    while (head := read_exactly(response, 5)) is not None:
        kind, size = struct.unpack(">BI", head)
        body = read_exactly(response, size)
        if kind & TRAILERS:
            trailers = dict(line.split(":", 1) for line in body.decode().lower().splitlines())
            tell(status=trailers["grpc-status"].strip())
        else:
            tell(event=api.GenerateImageResponse.FromString(body).WhichOneof("event"))


def main(address, what):
    modules = harness.stubs()
    api, stubs = modules["image_generation_service_pb2"], modules["image_generation_service_pb2_grpc"]
    if what == "web":
        web(address, api)
    else:
        watch(address, api, stubs, stop_at="preview" if what == "cancel" else None)


if __name__ == "__main__":
    main(*sys.argv[1:])
