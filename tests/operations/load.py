"""A load with all that the dashboard shows: guidance, previews, formats, tenants, priorities, cancels, refusals."""

import contextlib
import json
import subprocess
import tempfile

from tools import CLIENT, Server, check

# So little of everything that the load meets the bounds: parked images, full inboxes, a full queue.
FLAGS = ("--lanes", "2", "--slots", "8", "--max_queued_images", "24", "--max_batch_rows", "16")
CONFIG = {"tenants": [{"name": "acme", "weight": 2}, {"name": "default", "weight": 1}]}

# The load ends with its block; by itself if that does not come.
LIMIT = ("--duration", "10m")
LOADS = [
    # Guided by default; three kinds of requests, two tenants, clients that leave and clients that read slowly.
    ("--clients", "6", "--previews", "2", "--cancel", "20%", "--slow-readers", "20%", "--read-delay", "100ms", "--mix",
     "6:name=short:steps=4,4,2:tenant=acme;3:name=long:steps=24,12,8:count=4:priority=batch;"
     "1:name=urgent:priority=interactive"),
    # Deadlines that hold, that the load puts at risk, and that nobody could meet.
    ("--clients", "2", "--format", "jpeg", "--guidance", "1", "--mix",
     "1:deadline=10s;1:deadline=400ms;1:deadline=150ms;1:deadline=1ms"),
    # More images at once than the queue takes.
    ("--clients", "2", "--format", "webp", "--steps", "4", "--mix", "1:count=20:priority=batch"),
]


@contextlib.contextmanager
def loaded_server():
    """A server under this load."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as config:
        json.dump(CONFIG, config)
        config.flush()
        with Server("--config", config.name, *FLAGS) as server, load(server):
            yield server


@contextlib.contextmanager
def load(server):
    command = [CLIENT, "bench", "--server", server.address, "--cascade", "digits", "--class", "random", *LIMIT]
    clients = [subprocess.Popen([*command, *flags], stdout=subprocess.DEVNULL) for flags in LOADS]
    try:
        yield
        ended = [client.args for client in clients if client.poll() is not None]
        check(not ended, f"ended before its time: {ended}")
    finally:
        for client in clients:
            client.kill()
        for client in clients:
            client.wait()
