"""load.py beside a step."""

import json
import pathlib
import subprocess
import sys

import network

HERE = pathlib.Path(__file__).resolve().parent
SERVICE_CONFIG = HERE.parents[1] / "deploy" / "grpc" / "service_config.json"


def target(kube, release):
    """The headless service, as the node's DNS resolves it."""
    return f"dns://{network.NODE}:53/{release}-headless.{kube.namespace}.svc.cluster.local:50051"


class LoadSession:
    """Under load between `with` and its end; `report` is what the clients saw."""

    def __init__(self, address, clients=8, steps=(2, 1, 1), service_config=SERVICE_CONFIG):
        self.command = [sys.executable, "-B", HERE / "load.py", address, service_config, str(clients),
                        ",".join(map(str, steps))]
        self.report = None

    def __enter__(self):
        self.process = subprocess.Popen(self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, text=True)
        return self

    def wait_for(self, requests):
        """Until this many requests have ended."""
        for line in self.process.stderr:
            if line.strip().isdigit() and int(line) >= requests:
                return
        raise AssertionError(f"the clients ended before {requests} requests")

    def __exit__(self, kind, *unused):
        if kind is not None:
            self.process.kill()
        output, said = self.process.communicate()
        if kind is None:
            if self.process.returncode:
                raise AssertionError(f"the clients ended with {self.process.returncode}: {said[-2000:]}")
            self.report = json.loads(output)
