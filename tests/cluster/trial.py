"""What the steps share: a cluster with the chart in it. Each step installs what it needs, so each runs alone."""

import pathlib
import subprocess
import urllib.request

from load_session import LoadSession, target
from monitoring import Monitoring
from processes import wait_until

SOURCE = pathlib.Path(__file__).resolve().parents[2]
CHART = SOURCE / "deploy" / "helm" / "cascade"
RELEASE = "cascade"
NAMESPACE = "art"

# A pod is small and quick to go, so that three of them and their clients fit on two cores.
VALUES = {
    "image": {"repository": "localhost/cascade-server", "tag": "trial", "pullPolicy": "Never"},
    "config": {"lanes": 1},
    "resources": {"requests": {"cpu": "100m", "memory": "512Mi"}, "limits": {"memory": "1Gi"}},
    "termination": {"longestRequestSeconds": 30, "preStopSeconds": 5, "drainTimeoutSeconds": 30,
                    "gracePeriodSeconds": 45},
}


def merged(base, other):
    """`other` on top of `base`, maps by key."""
    result = dict(base)
    for key, value in other.items():
        both_maps = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both_maps else value
    return result


class Trial:
    """The cluster, the release and who watches them."""

    def __init__(self, node, binaries_folder):
        self.node = node
        self.kube = node.kube
        self.monitoring = Monitoring(node)
        self.client = pathlib.Path(binaries_folder) / "cascade"
        self.facts = {}

    def note(self, **facts):
        """A figure for the report."""
        self.facts.update(facts)

    def make_namespace(self):
        """Where Pod Security enforces `restricted`."""
        self.kube.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {
            "name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted",
                                          "pod-security.kubernetes.io/warn": "restricted"}}})

    def install(self, replicas=2, **values):
        """The chart, with exactly these values; returns when its pods are ready and no others are left."""
        self.make_namespace()
        result = self.kube.helm("upgrade", "--install", RELEASE, CHART, "--wait", "--timeout", "5m",
                                values=merged(VALUES, {"replicas": replicas, **values}))
        self.kube.wait_for_pods(replicas, 120)
        return result

    def uninstall(self):
        self.kube.helm("uninstall", RELEASE, "--wait", "--ignore-not-found", "--timeout", "2m")

    def target(self):
        """All pods, for clients that balance."""
        return target(self.kube, RELEASE)

    def service(self):
        """HOST:PORT of the ClusterIP."""
        spec = self.kube.get("service", RELEASE)["spec"]
        return f"{spec['clusterIP']}:{spec['ports'][0]['port']}"

    def load(self, **how):
        return LoadSession(self.target(), **how)

    def draw(self, server, folder, *flags):
        """Starts our own client."""
        return subprocess.Popen([self.client, "generate", "--server", server, "--cascade", "digits", "--out", folder,
                                 *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)

    def wait(self, condition, seconds, what):
        return wait_until(condition, seconds, what)


def metric(pod, name, label=""):
    """The sum of a metric's series in one pod, of those that have `label` (such as `method="..."`); asked of the pod."""
    with urllib.request.urlopen(f"http://{pod['status']['podIP']}:8080/metrics", timeout=10) as response:
        lines = response.read().decode().splitlines()
    return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.split("{")[0] == name and label in line)


def check(condition, what):
    if not condition:
        raise AssertionError(what() if callable(what) else what)
