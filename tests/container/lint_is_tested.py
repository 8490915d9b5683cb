"""lint.py finds planted faults: a check that cannot fail proves nothing."""

import pathlib
import shutil
import sys
import tempfile

from lint import problems_of, require_tools

# File, what it says, what it is made to say, and a word of the complaint.
PLANTED = [
    ("docker/Dockerfile", "FROM scratch AS image", "FROM debian AS image", "from nothing"),
    ("docker/Dockerfile", "USER 10001:10001", "USER root", "10001"),
    ("docker/Dockerfile", "STOPSIGNAL SIGTERM", "STOPSIGNAL SIGKILL", "SIGTERM"),
    ("docker/Dockerfile", '"/usr/local/bin/cascade", "health"', '"/bin/true"', "health check"),
    ("docker/Dockerfile", "ARG VERSION=", "ARG VERSION=9", "CMakeLists.txt"),
    ("docker/Dockerfile", "EXPOSE 50051 8080", "EXPOSE 50051 8081", "8081"),
    ("docker/Dockerfile", "COPY proto proto", "COPY protos protos", "protos, which is not there"),
    ("docker/Dockerfile", "COPY proto proto", "COPY tests tests", "leaves tests out"),
    ("docker/Dockerfile", "COPY docker/collect docker/furnish", "COPY docker/collect", "furnish"),
    ("docker/Dockerfile", "WORKDIR /src", "WORKDIR src", "DL3000"),
    ("docker/compose.yaml", "cap_drop: [ALL]", "cap_drop: [CHOWN]", "capabilities"),
    ("docker/compose.yaml", "no-new-privileges:true", "no-new-privileges:false", "privileges"),
    ("docker/compose.yaml", "- 127.0.0.1:${CASCADE_PORT", "- 0.0.0.0:${CASCADE_PORT", "loopback"),
    ("docker/compose.yaml", "read_only: true", "read_only: false", "write to its root"),
    ("docker/compose.yaml", "../deploy/prometheus:", "../deploy/promethes:", "promethes"),
    ("docker/compose.yaml", "prom/prometheus:v3.5.0", "prom/prometheus:latest", "names no release"),
    ("docker/compose.yaml", "/cascade.json", "/cascades.json", "cascades.json"),
    ("docker/compose.cuda.yaml", "cascade:", "casade:", "casade"),
    ("docker/prometheus.yaml", "cascade:8080", "cascade:8081", "scrapes"),
    ("docker/grafana/datasource.yaml", "prometheus:9090", "prometheus:9091", "asks no Prometheus"),
    ("docker/grafana/dashboards.yaml", "path: /var", "path: /srv", "/srv"),
]


def main(root):
    require_tools()
    missed = []
    for name, text, fault, complaint in PLANTED:
        with tempfile.TemporaryDirectory() as folder:
            tree = pathlib.Path(folder)
            for part in ("docker", "deploy", "CMakeLists.txt", "CMakePresets.json", "LICENSE", "serve", "proto",
                         "models", "server", "client", "tests"):
                (tree / part).symlink_to(pathlib.Path(root).resolve() / part)
            (tree / "docker").unlink()
            shutil.copytree(pathlib.Path(root) / "docker", tree / "docker")
            shutil.copy(pathlib.Path(root) / ".dockerignore", tree)
            original = (tree / name).read_text()
            if text not in original:
                missed.append(f"{name} does not say: {text}")
                continue
            (tree / name).write_text(original.replace(text, fault))
            if not any(complaint in problem for problem in problems_of(tree)):
                missed.append(f"not found in {name}: {fault}")
    for line in missed:
        print(line)
    print(f"lint_is_tested: {len(PLANTED)} planted faults, {len(missed)} missed")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
