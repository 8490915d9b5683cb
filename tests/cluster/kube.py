"""kubectl and helm against the run's cluster."""

import json
import os
import pathlib
import subprocess

import binaries
from processes import wait_until


class CommandFailed(AssertionError):
    """A command that should have gone well; `said` is what it told."""

    def __init__(self, command, result):
        self.said = result.stderr.strip() or result.stdout.strip()
        super().__init__(f"{' '.join(command[:6])} ended with {result.returncode}: {self.said[-2000:]}")


def program(name):
    found = binaries.find(name)
    if found is None:
        raise RuntimeError(f"no {name}")
    return found


class Kube:
    """One cluster's API."""

    def __init__(self, kubeconfig, namespace):
        self.kubeconfig = pathlib.Path(kubeconfig)
        self.namespace = namespace
        self.environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "HELM_CACHE_HOME": f"{kubeconfig}.helm",
                            "HELM_CONFIG_HOME": f"{kubeconfig}.helm", "HELM_DATA_HOME": f"{kubeconfig}.helm"}

    def run(self, name, *arguments, text=None, ok=True):
        command = [program(name), *map(str, arguments)]
        result = subprocess.run(command, input=text, capture_output=True, text=True, env=self.environment)
        if ok and result.returncode:
            raise CommandFailed(command, result)
        return result

    def kubectl(self, *arguments, text=None, ok=True):
        return self.run("kubectl", "--namespace", self.namespace, *arguments, text=text, ok=ok)

    def helm(self, *arguments, values=None, ok=True):
        flags = ["--values", "-"] if values is not None else []
        return self.run("helm", "--namespace", self.namespace, *arguments, *flags, text=json.dumps(values or {}), ok=ok)

    def get(self, *arguments):
        return json.loads(self.kubectl("get", *arguments, "--output", "json").stdout)

    def raw(self, path, ok=True):
        """The answer of the API server to a GET; None when it is an error and that is no failure."""
        result = self.kubectl("get", "--raw", path, ok=ok)
        return result.stdout if result.returncode == 0 else None

    def apply(self, document, *flags, ok=True):
        return self.kubectl("apply", "--filename", "-", *flags, ok=ok,
                            text=document if isinstance(document, str) else json.dumps(document))

    def server_pods(self):
        """The server's pods that are not on their way out, by name."""
        pods = self.get("pods", "--selector", "app.kubernetes.io/component=server")["items"]
        return {pod["metadata"]["name"]: pod for pod in pods if "deletionTimestamp" not in pod["metadata"]}

    def ready_pods(self):
        return {name: pod for name, pod in self.server_pods().items()
                if any(condition["type"] == "Ready" and condition["status"] == "True"
                       for condition in pod["status"].get("conditions", []))}

    def wait_for_pods(self, count, seconds=120):
        """Until exactly `count` pods are ready and no other is there, not even one that ends."""
        def settled():
            everybody = self.get("pods", "--selector", "app.kubernetes.io/component=server")["items"]
            return len(everybody) == count and len(self.ready_pods()) == count
        wait_until(settled, seconds, lambda: f"{count} pods: {self.kubectl('get', 'pods').stdout}")
        return self.ready_pods()
