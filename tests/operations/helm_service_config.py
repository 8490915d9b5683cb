"""deploy/grpc/service_config.json is what gRPC takes, and names what is served."""

import importlib
import json
import os
import re
import sys

from helm_chart import SOURCE, TOOLS, check, run, skip

CONFIG = SOURCE / "deploy" / "grpc" / "service_config.json"
# Nobody listens there. A call waits for somebody, if the configuration says so.
NOBODY = "127.0.0.1:1"


def require_grpc():
    """Goes on under the Python that has grpcio."""
    try:
        importlib.import_module("grpc")
    except ImportError:
        if not (TOOLS / "python").exists() or os.environ.get("CASCADE_RESTARTED"):
            skip("no grpcio; ./test installs it")
        os.environ["CASCADE_RESTARTED"] = "1"
        os.execv(TOOLS / "python", [str(TOOLS / "python"), *sys.argv])


def end_of_a_call(config, method):
    """The status of a call to nobody on a channel with this configuration."""
    import grpc
    with grpc.insecure_channel(NOBODY, options=[("grpc.service_config", config)]) as channel:
        try:
            channel.unary_unary(method)(b"", timeout=1)
        except grpc.RpcError as error:
            return error.code().name, error.details()
    return "OK", ""


def grpc_takes_it():
    """A call waits for a server until its deadline: `waitForReady` was read, and so was all the rest."""
    for service in ("ImageGenerationService/GenerateImage", "CascadeService/ListCascades"):
        code, said = end_of_a_call(CONFIG.read_text(), f"/cascade.v1.{service}")
        check(code == "DEADLINE_EXCEEDED", f"{service}: {code}: {said}")


def grpc_would_refuse_a_wrong_one():
    config = json.loads(CONFIG.read_text())
    config["methodConfig"][0]["retryPolicy"]["maxAttempts"] = 1
    code, said = end_of_a_call(json.dumps(config), "/cascade.v1.ImageGenerationService/GenerateImage")
    check(code == "INVALID_ARGUMENT", f"{code}: {said}")


def it_names_what_is_served():
    protos = "\n".join(path.read_text() for path in (SOURCE / "proto" / "cascade" / "v1").glob("*.proto"))
    served = {f"cascade.v1.{name}" for name in re.findall(r"^service (\w+)", protos, re.MULTILINE)}
    config = json.loads(CONFIG.read_text())
    named = {name["service"] for method in config["methodConfig"] for name in method["name"]}
    check(named == served - {"cascade.v1.AdminService"}, (named, served))
    check(config["healthCheckConfig"]["serviceName"] in served, config["healthCheckConfig"])


if __name__ == "__main__":
    require_grpc()
    sys.exit(run(grpc_takes_it, grpc_would_refuse_a_wrong_one, it_names_what_is_served))
