"""docker/compose.yaml for real: the server, and a Prometheus that scrapes it with our rules."""

import contextlib
import json
import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import urllib.parse
import urllib.request

from engine import docker, until

PROJECT = "cascade-test"
# Where no registry can be reached, Prometheus is this machine's own in an image of that name.
STAND_IN = """FROM {base}
COPY prometheus /bin/prometheus
RUN mkdir /prometheus && chown 65534:65534 /prometheus
USER 65534:65534
ENTRYPOINT ["/bin/prometheus"]
"""


def prometheus_image(base):
    """An image that has Prometheus, and whether it is only a stand-in."""
    name = "cascade-test-prometheus:1.0.0"
    binary = shutil.which("prometheus")
    if not binary:
        return None
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(binary, folder)
        (pathlib.Path(folder) / "Dockerfile").write_text(STAND_IN.format(base=base))
        docker("build", "--quiet", "--tag", name, folder)
    return name


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


class Composed:
    """compose.yaml on free ports of loopback; gone with the block, volumes and all."""

    def __init__(self, source, prometheus):
        self.file = source / "docker" / "compose.yaml"
        ports = {name: free_port() for name in ("CASCADE_PORT", "CASCADE_HTTP_PORT", "PROMETHEUS_PORT")}
        self.environment = {**os.environ, **ports, "PROMETHEUS_IMAGE": prometheus}
        self.address = "127.0.0.1:" + ports["CASCADE_PORT"]
        self.prometheus = "127.0.0.1:" + ports["PROMETHEUS_PORT"]
        plugin = subprocess.run(["docker", "compose", "version"], capture_output=True).returncode == 0
        self.command = ["docker", "compose"] if plugin else ["docker-compose"]

    def compose(self, *words):
        result = subprocess.run([*self.command, "-p", PROJECT, "-f", self.file, *words], env=self.environment,
                                capture_output=True, text=True)
        if result.returncode:
            raise AssertionError(f"compose {' '.join(words)}: {result.stdout}{result.stderr}")
        return result.stdout

    def __enter__(self):
        self.compose("up", "-d", "--no-build")
        return self

    def __exit__(self, *unused):
        with contextlib.suppress(AssertionError):
            self.compose("down", "-v")

    def ask(self, path, **query):
        """What Prometheus' API says, or None while it does not answer."""
        url = f"http://{self.prometheus}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return json.load(response)["data"]
        except OSError:
            return None

    def value(self, expression):
        """The sum of an instant query's values; None without any."""
        data = self.ask("query", query=f"sum({expression})")
        return float(data["result"][0]["value"][1]) if data and data["result"] else None

    def wait_value(self, expression, wanted, seconds=120):
        until(lambda: self.value(expression) == wanted, seconds, f"{expression} == {wanted}")

    def evaluated_rules(self, seconds=120):
        """All rules, once each was evaluated."""
        def rules():
            data = self.ask("rules")
            found = [rule for group in data["groups"] for rule in group["rules"]] if data else []
            return found if found and all(rule["health"] != "unknown" for rule in found) else None
        return until(rules, seconds, "every rule is evaluated")
