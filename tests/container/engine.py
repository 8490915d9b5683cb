"""Docker, as the tests of the image use it: the engine that runs, or one of their own for as long as they last.

CASCADE_CONTAINER_HOME   where an engine of our own keeps images and caches (default: /var/tmp/cascade-containers)
"""

import contextlib
import json
import os
import pathlib
import re
import select
import shutil
import subprocess
import time
import urllib.error
import urllib.request

HOME = pathlib.Path(os.environ.get("CASCADE_CONTAINER_HOME", "/var/tmp/cascade-containers"))
# What every container of ours gets: nothing that a server on a port above 1024 needs is missing.
CONFINED = ("--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--pids-limit", "256")


def docker(*words, check=True, **options):
    """Runs `docker WORDS` and returns what it says."""
    result = subprocess.run(["docker", *map(str, words)], capture_output=True, text=True, **options)
    if check and result.returncode:
        raise AssertionError(f"docker {' '.join(map(str, words))}: {result.stdout}{result.stderr}")
    return result.stdout.strip()


def engine_answers():
    return subprocess.run(["docker", "version"], capture_output=True).returncode == 0


def until(condition, seconds, what):
    """Waits for a condition that nobody tells us about; returns its value."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {seconds} s")
        select.select([], [], [], 0.1)


@contextlib.contextmanager
def engine():
    """The engine that DOCKER_HOST or the default names, or a private one, which ends with the block."""
    if engine_answers():
        yield
        return
    if not shutil.which("dockerd") or os.geteuid():
        raise SystemExit("no Docker engine answers, and none can be started: dockerd as root")
    socket = HOME / "docker.sock"
    HOME.mkdir(parents=True, exist_ok=True)
    with open(HOME / "dockerd.log", "w") as log:
        daemon = subprocess.Popen(["dockerd", "--data-root", HOME / "data", "--exec-root", HOME / "exec", "--pidfile",
                                   HOME / "pid", "-H", f"unix://{socket}"], stdout=log, stderr=log)
    os.environ["DOCKER_HOST"] = f"unix://{socket}"
    try:
        until(engine_answers, 120, f"dockerd (its log: {log.name})")
        yield
    finally:
        daemon.terminate()
        daemon.wait()


class Container:
    """A confined container of the server with both ports published on loopback; removed with the block."""

    def __init__(self, image, *flags, command=()):
        self.asked = time.time()
        self.id = docker("run", "-d", *CONFINED, "-p", "127.0.0.1::50051", "-p", "127.0.0.1::8080", *flags, image,
                         *command)
        try:
            self.address, self.http = self.port(50051), self.port(8080)
        except AssertionError:
            docker("rm", "-f", self.id)
            raise

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        docker("rm", "-f", self.id)

    def port(self, inside):
        return docker("port", self.id, inside).splitlines()[0]

    def inspect(self):
        return json.loads(docker("inspect", self.id))[0]

    def log_text(self):
        result = subprocess.run(["docker", "logs", self.id], capture_output=True, text=True)
        return result.stdout + result.stderr

    def wait_ready(self, seconds=300):
        """Until /readyz says so. Fails at once when the server has ended."""
        def ready():
            if not self.inspect()["State"]["Running"]:
                raise AssertionError(f"the server ended: {self.log_text()}")
            return self.get("/readyz")[0] == 200
        until(ready, seconds, "ready")

    def wait_healthy(self, seconds=300):
        """Until the engine calls it healthy, which it does by the image's own check."""
        def healthy():
            state = self.inspect()["State"]
            if not state["Running"]:
                raise AssertionError(f"the server ended: {self.log_text()}")
            if state["Health"]["Status"] == "unhealthy":
                raise AssertionError(f"unhealthy: {state['Health']['Log'][-1:]}")
            return state["Health"]["Status"] == "healthy"
        until(healthy, seconds, "healthy")

    def get(self, path):
        """Status and body of a GET; (0, "") when nobody answers."""
        try:
            with urllib.request.urlopen(f"http://{self.http}{path}", timeout=10) as response:
                return response.status, response.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def process_status(self):
        """/proc/PID/status of the server, as the host sees it: {key: value}."""
        lines = pathlib.Path(f"/proc/{self.inspect()['State']['Pid']}/status").read_text().splitlines()
        return {key: value.split() for key, value in (line.split(":", 1) for line in lines)}

    def log_times(self, event):
        """Seconds since the epoch, and the line, of each log line about `event`."""
        lines = [line for line in self.log_text().splitlines() if f"event={event} " in line]
        stamps = [re.match(r"time=(\S+?)Z ", line).group(1) for line in lines]
        return [(utc(stamp), line) for stamp, line in zip(stamps, lines)]


def utc(text):
    """Seconds since the epoch of 2026-01-31T12:00:00.123456789 in UTC."""
    import calendar
    whole, _, fraction = text.partition(".")
    return calendar.timegm(time.strptime(whole, "%Y-%m-%dT%H:%M:%S")) + float("0." + (fraction or "0"))
