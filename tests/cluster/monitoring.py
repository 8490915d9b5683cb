"""Prometheus scrapes the pods, and prometheus-adapter makes custom metrics of it, as an operator would set them up."""

import json
import pathlib
import sys
import urllib.parse
import urllib.request

import network
from kube import program
from processes import wait_until

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parents[1]
PROMETHEUS = "127.0.0.1:9090"
ADAPTER_PORT = 6453


def prometheus_config(targets):
    """Pods as the operator's Prometheus sees them through the chart's PodMonitor."""
    return {"global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "scrape_configs": [{"job_name": "cascade", "file_sd_configs": [{"files": [str(targets)]}]}]}


class Monitoring:
    """Both, as processes of the run."""

    def __init__(self, node):
        self.node = node

    def start(self):
        if "prometheus" in self.node.processes.running:
            return
        targets = self.node.write("targets.json", [])
        self.node.write("prometheus.json", prometheus_config(targets))
        self.node.processes.start("scrape_targets", sys.executable, "-B", HERE / "scrape_targets.py",
                                  self.node.kube.kubeconfig, self.node.kube.namespace, targets)
        self.node.processes.start(
            "prometheus", "prometheus", f"--config.file={self.node.folder / 'prometheus.json'}",
            f"--storage.tsdb.path={self.node.folder / 'prometheus'}", f"--web.listen-address={PROMETHEUS}")
        wait_until(lambda: self.node.processes.check_alive("prometheus") and self.targets(), 60, "Prometheus' targets")

    def ask(self, path, **parameters):
        url = f"http://{PROMETHEUS}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return json.load(response)["data"]
        except OSError:
            return None

    def targets(self):
        """The pods that it scrapes well."""
        data = self.ask("targets", state="active") or {"activeTargets": []}
        return {target["labels"]["pod"] for target in data["activeTargets"] if target["health"] == "up"}

    def query(self, expression):
        """[(labels, value)] of an instant query."""
        return [(series["metric"], float(series["value"][1])) for series in
                (self.ask("query", query=expression) or {"result": []})["result"]]

    def start_adapter(self):
        """With the rules that deploy/helm/prometheus-adapter.yaml gives to its users."""
        if "prometheus-adapter" in self.node.processes.running:
            return
        self.start()
        import yaml
        values = yaml.safe_load((SOURCE / "deploy" / "helm" / "prometheus-adapter.yaml").read_text())
        self.node.write("adapter.json", {"rules": values["rules"]["custom"]})
        kubeconfig = self.node.folder / "kubeconfig"
        self.node.processes.start(
            "prometheus-adapter", program("prometheus-adapter"), f"--config={self.node.folder / 'adapter.json'}",
            f"--prometheus-url=http://{PROMETHEUS}", "--metrics-relist-interval=5s", "--metrics-max-age=1m",
            f"--lister-kubeconfig={kubeconfig}", f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}", f"--secure-port={ADAPTER_PORT}",
            f"--bind-address={network.NODE}", f"--cert-dir={self.node.folder / 'pki' / 'adapter'}")
        self.register_adapter()
        wait_until(lambda: self.node.processes.check_alive("prometheus-adapter") and self.custom_metric(), 90,
                   lambda: f"the custom metric: {self.node.processes.log('prometheus-adapter')}")

    def register_adapter(self):
        """The adapter runs beside the node: a service without selector leads to it."""
        name, namespace = "custom-metrics", "kube-system"
        for document in (
                {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name, "namespace": namespace},
                 "spec": {"ports": [{"port": 443, "targetPort": ADAPTER_PORT}]}},
                {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
                 "metadata": {"name": name, "namespace": namespace, "labels": {"kubernetes.io/service-name": name}},
                 "endpoints": [{"addresses": [network.NODE], "conditions": {"ready": True}}],
                 "ports": [{"port": ADAPTER_PORT, "protocol": "TCP"}]},
                {"apiVersion": "apiregistration.k8s.io/v1", "kind": "APIService",
                 "metadata": {"name": "v1beta1.custom.metrics.k8s.io"},
                 "spec": {"group": "custom.metrics.k8s.io", "version": "v1beta1", "groupPriorityMinimum": 100,
                          "versionPriority": 100, "insecureSkipTLSVerify": True,
                          "service": {"name": name, "namespace": namespace}}}):
            self.node.kube.run("kubectl", "apply", "--filename", "-", text=json.dumps(document))

    def custom_metric(self):
        """{pod: backlog} as the HPA reads it; None before it is there."""
        answer = self.node.kube.raw(f"/apis/custom.metrics.k8s.io/v1beta1/namespaces/{self.node.kube.namespace}"
                                    "/pods/*/cascade_backlog_seconds", ok=False)
        return answer and {item["describedObject"]["name"]: item["value"] for item in json.loads(answer)["items"]}
