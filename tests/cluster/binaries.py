"""The programs that no Debian package has, built from their Go modules into the cache, once per machine.

Kubernetes 1.34 is the newest that still runs on cgroup v1 and on Debian 12's containerd 1.6.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

CACHE = pathlib.Path(os.environ.get("CASCADE_CACHE", pathlib.Path.home() / ".cache" / "cascade")) / "cluster-1"
BIN = CACHE / "bin"
KUBERNETES = "1.34.4"
NODE_PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy")
# The versions whose custom resources the chart's objects are checked against.
CUSTOM_RESOURCES = {
    "github.com/prometheus-operator/prometheus-operator@v0.85.0": "example/prometheus-operator-crd",
    "github.com/kedacore/keda/v2@v2.16.1": "config/crd/bases",
    "sigs.k8s.io/gateway-api@v1.3.0": "config/crd/standard",
}
HELM = "helm.sh/helm/v3/cmd/helm@v3.22.0"
ADAPTER = "sigs.k8s.io/prometheus-adapter@v0.12.0"
COREDNS = "github.com/coredns/coredns@v1.15.0"


def go(*arguments, folder, **environment):
    """Runs the go command; its build cache is ours, so that it can go when all is built."""
    variables = {**os.environ, "CGO_ENABLED": "0", "GOCACHE": str(CACHE / "go-build"), **environment}
    result = subprocess.run(["go", *arguments], cwd=folder, env=variables, stdout=subprocess.PIPE, text=True)
    if result.returncode:
        raise RuntimeError(f"go {' '.join(arguments[:4])} ended with {result.returncode}")
    return result.stdout


def module(name):
    """Where the go command put a module's files."""
    with tempfile.TemporaryDirectory() as folder:
        return json.loads(go("mod", "download", "-json", name, folder=folder))


def build(name, package, folder, *flags):
    """Builds one program; it appears in BIN when it is whole."""
    if (BIN / name).exists():
        return
    print(f"building {name}", flush=True)
    BIN.mkdir(parents=True, exist_ok=True)
    staged = BIN / f"{name}.partial"
    go("build", "-p", "2", "-trimpath", "-o", str(staged), *flags, package, folder=folder)
    staged.rename(BIN / name)


def install(name, package):
    """Builds a program whose module the go command can install as it is."""
    if (BIN / name).exists():
        return
    print(f"building {name}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        go("install", "-p", "2", "-trimpath", "-ldflags", "-s -w", package, folder=folder, GOBIN=folder)
        BIN.mkdir(parents=True, exist_ok=True)
        shutil.move(pathlib.Path(folder) / name, BIN / name)


def scratch_module(folder, requirement, packages, replacements=()):
    """A module in `folder` that needs `packages`: for modules that `go install` refuses."""
    go("mod", "init", "local/build", folder=folder)
    for replacement in replacements:
        go("mod", "edit", "-replace", replacement, folder=folder)
    go("mod", "edit", "-require", requirement, folder=folder)
    imports = "".join(f'import _ "{package}"\n' for package in packages)
    (pathlib.Path(folder) / "tools.go").write_text(f"//go:build tools\n\npackage tools\n\n{imports}")
    go("mod", "tidy", folder=folder)


def build_kubernetes(programs=NODE_PROGRAMS):
    if all((BIN / name).exists() for name in programs):
        return
    staging = "v0." + KUBERNETES.partition(".")[2]
    go_mod = pathlib.Path(module(f"k8s.io/kubernetes@v{KUBERNETES}")["GoMod"]).read_text()
    # Kubernetes asks for its own libraries at v0.0.0; they are published under the release's minor and patch.
    libraries = sorted(set(re.findall(r"^\s*(k8s\.io/[a-z-]+) v0\.0\.0(?:\s|$)", go_mod, re.MULTILINE)))
    version = "k8s.io/component-base/version"
    flags = (f"-s -w -X {version}.gitVersion=v{KUBERNETES} -X {version}.gitMajor=1 -X {version}.gitMinor=34 "
             f"-X {version}.gitTreeState=clean")
    with tempfile.TemporaryDirectory() as folder:
        scratch_module(folder, f"k8s.io/kubernetes@v{KUBERNETES}",
                       [f"k8s.io/kubernetes/cmd/{name}" for name in programs],
                       [f"{library}={library}@{staging}" for library in libraries])
        for name in programs:
            build(name, f"k8s.io/kubernetes/cmd/{name}", folder, "-ldflags", flags)


def build_adapter():
    """prometheus-adapter, which serves Prometheus' series as custom metrics."""
    if (BIN / "prometheus-adapter").exists():
        return
    path, version = ADAPTER.split("@")
    with tempfile.TemporaryDirectory() as folder:
        # Its own go.mod, because its dependencies do not compile at any later version.
        shutil.copytree(module(ADAPTER)["Dir"], folder, dirs_exist_ok=True, copy_function=shutil.copyfile)
        build("prometheus-adapter", "./cmd/adapter", folder, "-mod=mod", "-ldflags", "-s -w")


def build_coredns():
    """CoreDNS with the one plugin that answers for services; all of its own would bring every cloud's client along."""
    if (BIN / "coredns").exists():
        return
    path, _ = COREDNS.split("@")
    with tempfile.TemporaryDirectory() as folder:
        plugins = [f"{path}/plugin/kubernetes", f"{path}/plugin/errors"]
        scratch_module(folder, COREDNS, [f"{path}/coremain", *plugins])
        shutil.copyfile(pathlib.Path(__file__).with_name("coredns.go"), pathlib.Path(folder) / "main.go")
        build("coredns", ".", folder, "-ldflags", "-s -w")


def find(name):
    """Our own program, or that of ./test, or the machine's; None without any."""
    for folder in (BIN, *sorted(CACHE.parent.glob("test-tools-*/bin"), reverse=True)):
        if (folder / name).exists():
            return str(folder / name)
    return shutil.which(name)


def build_helm_and_kubectl():
    if find("helm") is None:
        install("helm", HELM)
    if find("kubectl") is None:
        build_kubernetes(["kubectl"])


def build_all():
    """Everything that the steps need."""
    build_helm_and_kubectl()
    build_kubernetes()
    build_adapter()
    build_coredns()
    shutil.rmtree(CACHE / "go-build", ignore_errors=True)


def custom_resources():
    """The files of the custom resource definitions that the chart may use."""
    files = []
    for name, folder in CUSTOM_RESOURCES.items():
        files += sorted((pathlib.Path(module(name)["Dir"]) / folder).glob("*.yaml"))
    return files
