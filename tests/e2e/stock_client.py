"""A stock Python client, with stubs generated from proto/, gets an image without any library of ours."""

import sys

from harness import Server, check, require_grpc, require_package, run, stubs


def main():
    require_package()
    require_grpc()
    import grpc
    from google.rpc import error_details_pb2
    from grpc_health.v1 import health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
    from grpc_status import rpc_status
    modules = stubs()
    api, image = modules["image_generation_service_pb2"], modules["image_pb2"]

    def gets_an_image():
        request = api.GenerateImageRequest(cascade="digits", class_name="7", seed=42,
                                           output={"preview_every_steps": 2})
        call = images.GenerateImage(request, metadata=(("x-request-id", "stock-1"),))
        events = list(call)
        kinds = [event.WhichOneof("event") for event in events]
        check(kinds[0] == "queued" and kinds[-1] == "finished", kinds)
        for stage in range(3):
            ours = [event.WhichOneof("event") for event in events
                    if getattr(getattr(event, event.WhichOneof("event")), "stage", None) == stage]
            check(ours[0] == "stage_started" and ours[-1] == "stage_image" and set(ours[1:-1]) <= {"preview"}, ours)
        last = events[-2].stage_image.image
        check((last.width, last.height, last.format) == (32, 32, image.IMAGE_FORMAT_PNG), last)
        check(last.data.startswith(b"\x89PNG\r\n"), "no PNG")
        record = events[-1].finished.record
        check(record.seed == 42 and len(record.stages) == 3 and record.build, record)
        check(dict(call.trailing_metadata())["x-request-id"] == "stock-1", "no request id")

    def an_error_has_details():
        try:
            list(images.GenerateImage(api.GenerateImageRequest(cascade="digits", class_id=99)))
        except grpc.RpcError as error:
            check(error.code() == grpc.StatusCode.INVALID_ARGUMENT, error)
            status = rpc_status.from_call(error)
            bad_request, info = error_details_pb2.BadRequest(), error_details_pb2.ErrorInfo()
            check(any(detail.Unpack(bad_request) for detail in status.details), status)
            check(any(detail.Unpack(info) for detail in status.details), status)
            check(bad_request.field_violations[0].field == "class_id", bad_request)
            check((info.domain, info.reason) == ("cascade", "INVALID_FIELD"), info)
            return
        raise AssertionError("it was not refused")

    def lists_the_cascade():
        cascades = modules["cascade_service_pb2_grpc"].CascadeServiceStub(channel)
        listed = cascades.ListCascades(modules["cascade_service_pb2"].ListCascadesRequest()).cascades
        check([cascade.name for cascade in listed] == ["digits"], listed)
        check([stage.resolution for stage in listed[0].stages] == [8, 16, 32], listed[0])

    def tells_health():
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", "cascade.v1.ImageGenerationService", "cascades/digits"):
            status = health.Check(health_pb2.HealthCheckRequest(service=name)).status
            check(status == health_pb2.HealthCheckResponse.SERVING, name)

    def is_described_by_reflection():
        reflection = ProtoReflectionDescriptorDatabase(channel)
        names = set(reflection.get_services())
        check({"cascade.v1.ImageGenerationService", "cascade.v1.CascadeService", "grpc.health.v1.Health"} <= names,
              names)
        for name in names - {"grpc.reflection.v1alpha.ServerReflection"}:
            check(reflection.FindFileContainingSymbol(name).service, name)

    with Server() as server, grpc.insecure_channel(server.address) as channel:
        images = modules["image_generation_service_pb2_grpc"].ImageGenerationServiceStub(channel)
        return run(gets_an_image, an_error_has_details, lists_the_cascade, tells_health, is_described_by_reflection)


if __name__ == "__main__":
    sys.exit(main())
