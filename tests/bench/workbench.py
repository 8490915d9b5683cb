"""What the figures share: servers, loads, and what a process costs. Remembers the commands, for the report."""

import contextlib
import dataclasses
import json
import os
import pathlib
import re
import subprocess
import tempfile

from harness import BIN, PACKAGE, SOURCE, Server, check, client

CASCADE = ("--cascade", "digits")
# Longer than any load, so that a hung server ends the report.
TIMEOUT_SECONDS = 1800


@dataclasses.dataclass
class Figure:
    """One of the report's sections."""
    title: str
    goal: str
    header: tuple = ()
    rows: list = dataclasses.field(default_factory=list)
    ratios: list = dataclasses.field(default_factory=list)  # (what, text, met or None)
    note: str = ""

    def add_ratio(self, what, value, met=None, digits=2):
        text = value if isinstance(value, str) else f"{value:.{digits}f}"
        self.ratios.append((what, text, met))


class Workbench:
    """Runs servers and loads. Quick: a few seconds each, which proves that the report works and nothing else."""

    def __init__(self, quick):
        self.quick = quick
        self.commands = []

    def seconds(self, full):
        return min(full, 3) if self.quick else full

    def count(self, full):
        return max(10, full // 50) if self.quick else full

    @contextlib.contextmanager
    def serve(self, *flags):
        self._remember("cascade-server", f"{CASCADE[1]}=PACKAGE", flags)
        with Server(*flags) as server:
            yield server

    def bench(self, server, *flags):
        """The report of `cascade bench`; a request that failed is an error."""
        flags = tuple(str(flag) for flag in flags)
        self._remember("cascade bench", CASCADE[1], ("--class", "random", *flags))
        result = client(server, "bench", *CASCADE, "--class", "random", "--json", *flags)
        check(result.returncode in (0, 1) and result.stdout, result)
        report = json.loads(result.stdout)
        check(not report["errors"] and not report["problems"], (flags, report["errors"], report["problems"]))
        return report

    def capacity(self, server, *flags):
        """What 64 clients in a closed loop get."""
        return self.bench(server, "--clients", 64, "--warmup", self.count(128), "--duration", self.duration(30), *flags)

    def duration(self, full):
        return f"{self.seconds(full)}s"

    def bare_loop(self):
        """Seconds for one image through all stages at batch 1, without a server."""
        self.commands.append("stage_bench PACKAGE --benchmark_filter=^cascade/images:1/")
        with tempfile.NamedTemporaryFile(suffix=".json") as out:
            subprocess.run([BIN.parent / "bench" / "stage_bench", PACKAGE, "--benchmark_filter=^cascade/images:1/",
                            f"--benchmark_min_time={self.seconds(10)}", f"--benchmark_out={out.name}",
                            "--benchmark_out_format=json"], check=True, capture_output=True, timeout=TIMEOUT_SECONDS)
            loops = json.load(open(out.name))["benchmarks"]
        check(len(loops) == 1 and loops[0]["time_unit"] == "ms", loops)
        return loops[0]["real_time"] / 1e3

    def _remember(self, binary, cascade, flags):
        words = (f'"{flag}"' if ";" in flag else flag for flag in flags)
        command = " ".join((binary, "--cascade", cascade, *words))
        command = re.sub(r"--seed \d+", "--seed N", command)  # One line for several seeds.
        if command not in self.commands:
            self.commands.append(command)


def cpu_seconds(server):
    """{thread's name: seconds of CPU so far}; threads of one name together, those that ended under "ended"."""
    process = pathlib.Path(f"/proc/{server.process.pid}")
    seconds = {}
    for stat in (process / "task").glob("*/stat"):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # It ended meanwhile.
            name, spent = read_stat(stat)
            seconds[name] = seconds.get(name, 0) + spent
    seconds["ended"] = read_stat(process / "stat")[1] - sum(seconds.values())
    return seconds


def read_stat(path):
    """(name, seconds of CPU) of a process or thread."""
    name, fields = re.match(r"\d+ \((.*)\) (.*)", path.read_text()).groups()
    user, system = fields.split()[11:13]
    return name, (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


def lane_cpu(seconds):
    """(inside the lanes, outside of them)"""
    inside = sum(value for name, value in seconds.items() if name.startswith("lane-"))
    return inside, sum(seconds.values()) - inside


def num_lanes(server):
    return sum(name.startswith("lane-") for name in cpu_seconds(server))


def metric(server, name, **labels):
    """The sum of a metric's series that have these labels."""
    wanted = [f'{key}="{value}"' for key, value in labels.items()]
    return sum(value for key, value in server.metrics().items()
               if key.split("{")[0] == name and all(label in key for label in wanted))


def forget_peak(server):
    """The peak of resident memory counts from here."""
    pathlib.Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")


def peak_kib(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status).group(1))


def device():
    """The machine, in a few words."""
    cpus = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", cpus)
    cores = cpus.count("processor\t:")
    release = re.search(r'PRETTY_NAME="(.*)"', pathlib.Path("/etc/os-release").read_text())
    return f"{cores} cores of {model.group(1) if model else 'an unknown CPU'}, {release.group(1)}"


def build(server):
    """What the server says it is: version, device, instruction set, libraries."""
    for key in server.metrics():
        match = re.match(r'cascade_build_info\{build="(.*)"\}', key)
        if match:
            return match.group(1)
    return "unknown"


def revision():
    git = ["git", "-C", SOURCE, "describe", "--always", "--dirty"]
    return subprocess.run(git, check=True, capture_output=True, text=True).stdout.strip()
