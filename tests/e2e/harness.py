"""Starts the real server for an end-to-end test, and finds what the test needs. Skips (77) what is not there.

CASCADE_BIN          the folder of the binaries (default: build/bin)
CASCADE_PACKAGE      the package to serve as "digits" (default: models/zoo/digits/package)
CASCADE_TEST_TOOLS   a virtual environment with grpcio and grpcio-tools; ./test makes one
"""

import importlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import urllib.request

SOURCE = pathlib.Path(os.environ.get("CASCADE_SOURCE", pathlib.Path(__file__).resolve().parents[2]))
BIN = pathlib.Path(os.environ.get("CASCADE_BIN", SOURCE / "build" / "bin"))
PACKAGE = pathlib.Path(os.environ.get("CASCADE_PACKAGE", SOURCE / "models" / "zoo" / "digits" / "package"))
CLIENT = BIN / "cascade"
SERVER = BIN / "cascade-server"
SKIPPED = 77


def skip(why):
    print(f"skipped: {why}")
    sys.exit(SKIPPED)


def require_package():
    if not (PACKAGE / "cascade.json").exists():
        skip(f"no package in {PACKAGE}")


def require_grpc():
    """Goes on under the Python that has grpcio."""
    try:
        importlib.import_module("grpc_tools.protoc")
    except ImportError:
        python = pathlib.Path(os.environ.get("CASCADE_TEST_TOOLS", "nowhere")) / "bin" / "python"
        if not python.exists() or os.environ.get("CASCADE_E2E_RESTARTED"):
            skip("no grpcio; ./test installs it")
        os.environ["CASCADE_E2E_RESTARTED"] = "1"
        os.execv(python, [str(python), *sys.argv])


def stubs():
    """The Python code of proto/, made by the stock generator: (messages and services, by module name)."""
    from grpc_tools import protoc
    folder = tempfile.mkdtemp(prefix="cascade-stubs-")
    protos = sorted(str(p.relative_to(SOURCE / "proto")) for p in (SOURCE / "proto" / "cascade").rglob("*.proto"))
    status = protoc.main(["protoc", f"-I{SOURCE / 'proto'}",
                          f"-I{pathlib.Path(protoc.__file__).parent / '_proto'}",
                          f"--python_out={folder}", f"--grpc_python_out={folder}", *protos])
    check(status == 0, "the stubs were not made")
    sys.path.insert(0, folder)
    names = ["image_pb2", "sampling_pb2", "scheduling_pb2", "image_generation_service_pb2",
             "image_generation_service_pb2_grpc", "cascade_service_pb2", "cascade_service_pb2_grpc"]
    return {name: importlib.import_module(f"cascade.v1.{name}") for name in names}


def check(condition, what):
    if not condition:
        raise AssertionError(what)


class Server:
    """cascade-server with the digits package on free ports; ended with the block."""

    def __init__(self, *flags):
        self.log = tempfile.NamedTemporaryFile("w+", prefix="cascade-server-", suffix=".log")
        self.process = subprocess.Popen(
            [SERVER, "--listen", "127.0.0.1:0", "--http_listen", "127.0.0.1:0", "--cascade", f"digits={PACKAGE}",
             *flags], stdout=subprocess.PIPE, stderr=self.log, text=True)
        line = self.process.stdout.readline()
        match = re.search(r"listening on (\S+)", line)
        check(match, f"the server said {line!r}, ended with {self.process.poll()} and logged: {self.log_text()}")
        self.address = match.group(1)
        self.http = re.search(r"event=http_listening.* address=(\S+)", self.log_text()).group(1)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()

    def log_text(self):
        return pathlib.Path(self.log.name).read_text()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def resident_kib(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1))

    def metrics(self):
        """{name and labels: value} of what /metrics tells."""
        with urllib.request.urlopen(f"http://{self.http}/metrics") as response:
            lines = response.read().decode().splitlines()
        return {key: float(value) for key, value in
                (line.rsplit(" ", 1) for line in lines if line and not line.startswith("#"))}


def client(server, command, *flags):
    """Runs `cascade COMMAND` to its end."""
    return subprocess.run([CLIENT, command, "--server", server.address, *flags], capture_output=True, text=True)


def start_client(server, command, *flags):
    return subprocess.Popen([CLIENT, command, "--server", server.address, *flags], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True)


def read_until(process, event):
    """Reads the client's JSON lines until one is of this kind, and returns it; None at the end."""
    for line in process.stdout:
        json_line = json.loads(line)
        if json_line["event"] == event:
            return json_line
    return None


def run(*cases):
    """Runs the test functions, and returns the exit status."""
    failed = 0
    for case in cases:
        try:
            case()
            print(f"ok    {case.__name__}", flush=True)
        except AssertionError as error:
            failed += 1
            print(f"FAIL  {case.__name__}: {error}", flush=True)
    return 1 if failed else 0
