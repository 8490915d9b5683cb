"""What is in an image: sizes by part, and what must not be there."""

import collections
import json
import re
import subprocess
import tarfile

from engine import docker

# The first pattern that matches a path names its part.
PARTS = [
    ("LibTorch", r"usr/local/lib/cascade/torch/"),
    ("NVIDIA's libraries", r"usr/local/lib/cascade/nvidia/"),
    ("cascades", r"models/|etc/cascade/"),
    ("our programs", r"usr/local/bin/"),
    ("licences, package entries", r"usr/share/doc/|var/lib/dpkg/|.*\.dist-info/"),
    ("OpenCV: three modules", r".*/libopencv_"),
    ("PNG, JPEG, WebP", r".*/lib(png16|jpeg|webp|sharpyuv)"),
    ("gRPC, protobuf, Abseil, TLS", r".*/lib(grpc|gpr|proto|absl|address_sorting|upb|re2|cares|ssl|crypto|systemd)"),
    ("C and C++, jemalloc", r".*/(lib(c|m|dl|rt|pthread|stdc\+\+|gcc_s|gomp|z|resolv|jemalloc)\.so|ld-linux)"),
    ("other libraries", r"usr/lib/.*\.so"),
    ("the rest", r""),
]
# A way to run something that we did not bring, or to make it.
FORBIDDEN = re.compile(
    r"(^|/)(sh|bash|dash|ash|busybox|perl|python[\d.]*|pip[\d.]*|apt|apt-get|dpkg|rpm|apk|cc|gcc|g\+\+|c\+\+|ld|as|make"
    r"|cmake|ninja|ccache|git|curl|wget|strip|objdump)(-[\d.]+)?$|\.(a|h|hpp|o|py)$")


def files_of(image):
    """The tar members of the image's root, without what the engine itself puts there."""
    container = docker("create", image)
    try:
        with subprocess.Popen(["docker", "export", container], stdout=subprocess.PIPE) as export:
            with tarfile.open(fileobj=export.stdout, mode="r|") as tar:
                members = [member for member in tar if not re.match(
                    r"(\.dockerenv|dev|proc|sys)(/|$)|etc/(hosts|hostname|resolv\.conf|mtab)$", member.name)]
    finally:
        docker("rm", container)
    return members


def part_of(path):
    return next(name for name, pattern in PARTS if re.match(pattern, path))


def table(members):
    """[(part, files, bytes)], the largest first."""
    sizes, counts = collections.Counter(), collections.Counter()
    for member in members:
        if member.isfile():
            sizes[part_of(member.name)] += member.size
            counts[part_of(member.name)] += 1
    return [(part, counts[part], size) for part, size in sizes.most_common()]


def problems_of_files(members):
    problems, names = [], {member.name for member in members}
    for member in members:
        if FORBIDDEN.search(member.name) and not member.isdir():
            problems.append(f"{member.name} is in the image")
        if member.mode & 0o6000:
            problems.append(f"{member.name} runs with somebody else's rights")
        if member.mode & 0o002 and not member.issym():
            problems.append(f"everybody may write to {member.name}")
        if member.uid or member.gid:
            problems.append(f"{member.name} belongs to {member.uid}:{member.gid}")
    entries = [name for name in names if re.match(r"var/lib/dpkg/status\.d/.", name)]
    for entry in entries:
        package = entry.rsplit("/", 1)[1]
        if f"usr/share/doc/{package}/copyright" not in names:
            problems.append(f"no licence of {package}")
    if any("/libgdal" in name for name in names):
        problems.append("GDAL is in the image: OpenCV is Debian's and not docker/opencv's")
    if len(entries) < 10:
        problems.append(f"scanners find {len(entries)} packages")
    for wanted in ("usr/share/doc/cascade/copyright", "etc/cascade/cascade.json", "models/digits/cascade.json"):
        if wanted not in names:
            problems.append(f"no {wanted}")
    if not any(re.search(r"torch-[\d.]+\.dist-info/licenses/LICENSE", name) for name in names):
        problems.append("no licence of LibTorch")
    return problems


def problems_of_configuration(image, version):
    config = json.loads(docker("image", "inspect", image))[0]["Config"]
    wanted = {
        "User": "10001:10001",
        "StopSignal": "SIGTERM",
        "Entrypoint": ["/usr/local/bin/cascade-server"],
        "ExposedPorts": {"50051/tcp": {}, "8080/tcp": {}},
    }
    problems = [f"{key} is {config.get(key)}" for key, value in wanted.items() if config.get(key) != value]
    if config["Healthcheck"]["Test"] != ["CMD", "/usr/local/bin/cascade", "health"]:
        problems.append(f"the health check is {config['Healthcheck']}")
    labels = config["Labels"]
    if labels.get("org.opencontainers.image.version") != version:
        problems.append(f"the labels are {labels}")
    for label in ("title", "description", "licenses", "revision", "created"):
        if not labels.get(f"org.opencontainers.image.{label}"):
            problems.append(f"no label {label}")
    return problems
