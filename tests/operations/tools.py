"""The harness of tests/e2e, tools that may be absent, and conditions to wait for."""

import importlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading
import time
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "e2e"))

# Found by the line above; the tests take it from here.
from harness import CLIENT, SOURCE, Server, check, require_package, run, skip  # noqa: E402,F401

GRAFANA = SOURCE / "deploy" / "grafana"
PROMETHEUS = SOURCE / "deploy" / "prometheus"
DASHBOARD = GRAFANA / "cascade.json"
RULES = PROMETHEUS / "rules.yaml"
RUNBOOK = PROMETHEUS / "README.md"


def require_programs(*names):
    missing = [name for name in names if not shutil.which(name)]
    if missing:
        skip(f"no {', '.join(missing)}; ./test unpacks prometheus and prometheus-alertmanager")


def require_modules(*names):
    """Goes on under the Python that has them."""
    try:
        for name in names:
            importlib.import_module(name)
    except ImportError as error:
        python = pathlib.Path(os.environ.get("CASCADE_TEST_TOOLS", "nowhere")) / "bin" / "python"
        if not python.exists() or os.environ.get("CASCADE_OPERATIONS_RESTARTED"):
            skip(f"{error}; ./test installs it")
        os.environ["CASCADE_OPERATIONS_RESTARTED"] = "1"
        os.execv(python, [str(python), *sys.argv])


def promtool(*words, cwd=None):
    """(exit code, what it said)."""
    result = subprocess.run(["promtool", *map(str, words)], capture_output=True, text=True, cwd=cwd)
    return result.returncode, result.stdout + result.stderr


def get_json(url):
    with urllib.request.urlopen(url, timeout=30) as response:
        return json.load(response)


def wait_until(condition, seconds, what, *, every=0.2):
    """The first true value of `condition()`; an AssertionError that says `what` when it takes longer."""
    end, never = time.monotonic() + seconds, threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        never.wait(every)
