"""How long a container takes from `docker run` to readiness, and what of it is what."""

import json
import os
import re

from engine import Container, docker, utc

PARTS = ("engine", "process", "cascades", "listening", "total")


def seconds(duration):
    """Of "1m2.5s", "850ms" and the like."""
    units = {"h": 3600, "m": 60, "s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
    return sum(float(value) * units[unit] for value, unit in re.findall(r"([\d.]+)(ms|us|ns|h|m|s)", duration))


def forget_files(image):
    """Takes the image's files out of the page cache, as on a node that has just pulled it. Needs root and overlay2."""
    driver = json.loads(docker("image", "inspect", image))[0]["GraphDriver"]
    folders = ":".join(driver["Data"][key] for key in ("LowerDir", "UpperDir") if driver["Data"].get(key)).split(":")
    for folder in folders:
        for where, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(where, name)
                if os.path.islink(path):
                    continue
                file = os.open(path, os.O_RDONLY)
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
                os.close(file)


def measure(image, *flags, command=()):
    """{part: seconds} of one start, and {cascade: seconds} of what loading each took."""
    with Container(image, *flags, command=command) as container:
        container.wait_ready()
        asked = container.asked
        started = utc(container.inspect()["State"]["StartedAt"].rstrip("Z"))
        process = container.log_times("http_listening")[0][0]
        loads = container.log_times("cascade_loaded")
        # The last line before the server serves, with the engine's time: it goes to standard output.
        lines = docker("logs", "--timestamps", container.id).splitlines()
        listening = utc(next(line.split("Z ")[0] for line in lines if "cascade-server listening" in line))
    loaded = max(time for time, _ in loads)
    cascades = {re.search(r" cascade=(\S+)", line).group(1): seconds(re.search(r" took=(\S+)", line).group(1))
                for _, line in loads}
    return dict(zip(PARTS, (started - asked, process - started, loaded - process, listening - loaded,
                            listening - asked))), cascades


def median(starts):
    """The start with the median total."""
    return sorted(starts, key=lambda start: start[0]["total"])[len(starts) // 2]
