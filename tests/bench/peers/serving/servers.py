"""The two servers as processes of their own, and how to ask each for an image.

Only one is awake at a time: `awake()` lets a server's processes run for a block, and stops them (SIGSTOP) behind it, so
that one that polls while it idles takes nothing from the other. A client is made for each block: `image()` answers the
encoded image of a class and a seed, or raises.
"""

import contextlib
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

import aiohttp
import grpc

import workbench
from environment import CACHE
from harness import PACKAGE, Server, check, stubs

PEER = pathlib.Path(__file__).resolve().with_name("peer.py")
# Longer than torch.compile takes for every network and batch.
START_SECONDS = 3600
ANSWER_SECONDS = 120


class Ours:
    """cascade-server with its defaults; asked for the last stage's image alone, as the peer answers it."""
    name = "cascade"

    def __init__(self):
        modules = stubs()
        self.api, self.image = modules["image_generation_service_pb2"], modules["image_pb2"]
        self.stub = modules["image_generation_service_pb2_grpc"].ImageGenerationServiceStub
        self.server = Server()
        self.build = workbench.build(self.server)

    def signal(self, number):
        self.server.process.send_signal(number)

    def cpu_seconds(self):
        """Of its process, so far."""
        return workbench.read_stat(pathlib.Path(f"/proc/{self.server.process.pid}/stat"))[1]

    def end(self):
        self.signal(signal.SIGCONT)
        self.server.__exit__()

    @contextlib.asynccontextmanager
    async def client(self):
        async with grpc.aio.insecure_channel(self.server.address) as channel:
            stub = self.stub(channel)

            async def image(class_id, seed, image_format=self.image.IMAGE_FORMAT_PNG):
                request = self.api.GenerateImageRequest(cascade="digits", class_id=class_id, seed=seed,
                                                        output={"format": image_format, "stages": [2]})
                answer = None
                async for event in stub.GenerateImage(request, timeout=ANSWER_SECONDS):
                    if event.WhichOneof("event") == "stage_image":
                        answer = event.stage_image.image.data
                return answer
            yield image


class Peer:
    """LitServe in one setting. Its processes are a group."""

    def __init__(self, setting):
        self.name = setting.name
        self.log = tempfile.NamedTemporaryFile("w+", prefix="cascade-litserve-", suffix=".log")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environment = {**os.environ, "OMP_NUM_THREADS": str(setting.threads), "MKL_NUM_THREADS": str(setting.threads),
                       "TORCHINDUCTOR_CACHE_DIR": str(CACHE / "peers-inductor"), "TORCHINDUCTOR_COMPILE_THREADS": "1",
                       "PYTHONWARNINGS": "ignore"}
        self.process = subprocess.Popen([sys.executable, "-B", PEER, PACKAGE, setting.name, "--port", str(port)],
                                        env=environment, stdout=self.log, stderr=self.log, start_new_session=True)
        self.url = f"http://127.0.0.1:{port}"
        try:
            self._wait()
        except BaseException:
            self.end()
            raise

    def _wait(self):
        """Returns once it is healthy, which is when every worker is warm."""
        for _ in range(START_SECONDS):
            with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
                with urllib.request.urlopen(f"{self.url}/health", timeout=10) as answer:
                    if answer.status == 200:
                        return
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(1)
                check(False, f"{self.name} ended with {self.process.returncode} and logged: {self.log_text()}")
        raise TimeoutError(f"{self.name} was not ready in {START_SECONDS} s and logged: {self.log_text()}")

    def log_text(self):
        return pathlib.Path(self.log.name).read_text()

    def signal(self, number):
        os.killpg(self.process.pid, number)

    def cpu_seconds(self):
        """Of all its processes, so far."""
        seconds = 0
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # One that ended meanwhile.
                if os.getpgid(int(stat.parent.name)) == self.process.pid:
                    seconds += workbench.read_stat(stat)[1]
        return seconds

    def end(self):
        with contextlib.suppress(ProcessLookupError):
            self.signal(signal.SIGKILL)
        self.process.wait()

    @contextlib.asynccontextmanager
    async def client(self):
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=ANSWER_SECONDS)
        async with aiohttp.ClientSession(self.url, connector=connector, timeout=timeout,
                                         raise_for_status=True) as session:
            async def image(class_id, seed):
                async with session.post("/predict", json={"class_id": class_id, "seed": seed}) as answer:
                    return await answer.read()
            yield image


@contextlib.contextmanager
def awake(server):
    server.signal(signal.SIGCONT)
    try:
        yield server
    finally:
        server.signal(signal.SIGSTOP)


@contextlib.contextmanager
def started(makers):
    """Servers, started one after another and stopped at once; all end with the block."""
    servers = []
    try:
        for make in makers:
            servers.append(make())
            servers[-1].signal(signal.SIGSTOP)
        yield servers
    finally:
        for server in servers:
            server.end()
