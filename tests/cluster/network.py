"""A network of the run's own: addresses, routes and firewall of the machine stay as they are."""

import ctypes
import os
import subprocess

NAMESPACE = "cascade-cluster"
NODE = "10.99.0.1"  # Not 127.x: a kubelet wants a real address.
SERVICES = "10.96.0.0/16"
CLONE_NEWNET = 0x40000000


def ip(*arguments, ok=True):
    subprocess.run(["ip", *arguments], check=ok, capture_output=not ok)


def make():
    """A run that was killed leaves an empty one behind; one with processes is another run's."""
    if exists():
        pids = subprocess.run(["ip", "netns", "pids", NAMESPACE], capture_output=True, text=True).stdout.split()
        if pids:
            raise RuntimeError(f"another run is under way: processes {' '.join(pids)} are in its network")
        remove()
    ip("netns", "add", NAMESPACE)


def enter():
    """From here on, what this process starts has the run's network. Before any thread is started."""
    # Not `ip netns exec`: that mounts /sys anew and hides the cgroups from runc.
    with open(f"/run/netns/{NAMESPACE}", "rb") as file:
        if ctypes.CDLL(None, use_errno=True).setns(file.fileno(), CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), "cannot enter the network namespace")


def furnish():
    """Addresses and routes, from inside."""
    ip("link", "set", "lo", "up")
    ip("address", "add", f"{NODE}/32", "dev", "lo")
    # Calls to a service's address need a route before kube-proxy can turn them to a pod.
    ip("link", "add", "services", "type", "veth", "peer", "name", "services-end")
    ip("address", "add", "10.98.0.1/30", "dev", "services")
    ip("link", "set", "services", "up")
    ip("link", "set", "services-end", "up")
    ip("route", "add", SERVICES, "via", "10.98.0.2", "dev", "services")
    with open("/proc/sys/net/ipv4/ip_forward", "w") as file:
        file.write("1")


def remove():
    ip("netns", "delete", NAMESPACE, ok=False)


def exists():
    return os.path.exists(f"/run/netns/{NAMESPACE}")
