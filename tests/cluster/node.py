"""A real Kubernetes of one node: etcd, API server, controllers, scheduler, containerd, kubelet, kube-proxy, CoreDNS.

The settings beside the obvious ones are what a machine without systemd, with cgroup v1 and without CAP_SYS_RESOURCE
needs.
"""

import json
import pathlib
import shutil
import signal
import subprocess

import certificates
import network
from kube import Kube, program
from processes import Processes, wait_until

NODE = network.NODE
DOMAIN = "cluster.local"
PAUSE = "localhost/pause:1"


class Node:
    """Up between start() and stop(); everything is below `folder`, which stop() removes."""

    def __init__(self, folder, namespace):
        self.folder = pathlib.Path(folder)
        self.kube = Kube(self.folder / "kubeconfig", namespace)
        self.socket = self.folder / "containerd.sock"
        self.folder.mkdir(parents=True)
        self.processes = Processes(self.folder)

    def write(self, name, content):
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    # The control plane.

    def start_api(self):
        """etcd and the API server: enough to have objects judged."""
        certificates.make(self.folder, NODE)
        self.write("tokens.csv", 'test-token,admin,1,"system:masters"\n')
        self.write("kubeconfig", {
            "apiVersion": "v1", "kind": "Config", "current-context": "c",
            "clusters": [{"name": "c", "cluster": {"server": f"https://{NODE}:6443",
                                                   "certificate-authority": str(self.folder / "ca.crt")}}],
            "users": [{"name": "admin", "user": {"token": "test-token"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "admin"}}]})
        self.processes.start(
            "etcd", "etcd", "--data-dir", self.folder / "etcd", "--unsafe-no-fsync",
            "--listen-client-urls", "http://127.0.0.1:2379", "--advertise-client-urls", "http://127.0.0.1:2379",
            "--listen-peer-urls", "http://127.0.0.1:2380")
        self.processes.start(
            "kube-apiserver", program("kube-apiserver"), "--etcd-servers=http://127.0.0.1:2379",
            f"--bind-address={NODE}", f"--advertise-address={NODE}", "--secure-port=6443",
            "--tls-cert-file=api.crt", "--tls-private-key-file=api.key", "--client-ca-file=ca.crt",
            "--service-account-key-file=sa.pub", "--service-account-signing-key-file=sa.key",
            "--service-account-issuer=https://kubernetes.default.svc", "--token-auth-file=tokens.csv",
            "--authorization-mode=Node,RBAC", f"--service-cluster-ip-range={network.SERVICES}",
            # Else logs, exec and port-forward look the node's name up.
            "--kubelet-preferred-address-types=InternalIP",
            # `models.source: imageVolume` is judged, too; else the volume would be dropped before.
            "--feature-gates=ImageVolume=true",
            # prometheus-adapter is an aggregated API.
            "--enable-aggregator-routing=true", "--requestheader-client-ca-file=ca.crt",
            "--requestheader-allowed-names=front-proxy-client", "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group", "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            "--proxy-client-cert-file=front.crt", "--proxy-client-key-file=front.key")
        wait_until(lambda: self.processes.check_alive("kube-apiserver") and self.processes.check_alive("etcd")
                   and self.kube.raw("/readyz", ok=False) == "ok", 120,
                   lambda: f"the API server: {self.processes.log('kube-apiserver')}")

    def start_controllers(self):
        config = f"--kubeconfig={self.folder / 'kubeconfig'}"
        shared = (config, f"--authentication-kubeconfig={self.folder / 'kubeconfig'}",
                  f"--authorization-kubeconfig={self.folder / 'kubeconfig'}", "--leader-elect=false",
                  "--bind-address=127.0.0.1")
        self.processes.start("kube-controller-manager", program("kube-controller-manager"), *shared,
                             f"--cert-dir={self.folder / 'pki' / 'controllers'}", "--root-ca-file=ca.crt",
                             "--service-account-private-key-file=sa.key", "--horizontal-pod-autoscaler-sync-period=5s")
        self.processes.start("kube-scheduler", program("kube-scheduler"), *shared,
                             f"--cert-dir={self.folder / 'pki' / 'scheduler'}")

    # The node.

    def start_containers(self, archives):
        self.write("containerd.toml", f"""
version = 2
root = "{self.folder}/containerd"
state = "{self.folder}/containerd-state"
[grpc]
  address = "{self.socket}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  disable_apparmor = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "{self.folder}/cni"
""")
        self.write("cni/10.conflist", {"cniVersion": "1.0.0", "name": "pods", "plugins": [
            {"type": "bridge", "bridge": "pods", "isGateway": True, "hairpinMode": True,
             "ipam": {"type": "host-local", "dataDir": f"{self.folder}/ipam", "ranges": [[{"subnet": "10.244.0.0/24"}]],
                      "routes": [{"dst": "0.0.0.0/0"}]}}]})
        self.processes.start("containerd", "containerd", "-c", self.folder / "containerd.toml")
        wait_until(lambda: self.processes.check_alive("containerd") and self.ctr("version", ok=False).returncode == 0, 30,
                   "containerd")
        for archive in archives:
            self.ctr("images", "import", str(archive))

    def ctr(self, *arguments, ok=True):
        return subprocess.run(["ctr", "--address", self.socket, "--namespace", "k8s.io", *arguments], check=ok,
                              capture_output=True, text=True)

    def start_kubelet(self):
        self.write("kubelet.json", {
            "apiVersion": "kubelet.config.k8s.io/v1beta1", "kind": "KubeletConfiguration", "address": NODE,
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"}, "cgroupDriver": "cgroupfs", "failSwapOn": False,
            "failCgroupV1": False, "enforceNodeAllocatable": [], "makeIPTablesUtilChains": False, "oomScoreAdj": 0,
            "containerRuntimeEndpoint": f"unix://{self.socket}", "podLogsDir": f"{self.folder}/pods",
            "clusterDNS": [NODE], "clusterDomain": DOMAIN, "resolvConf": str(self.write("resolv.conf", "")),
            "evictionHard": {"memory.available": "100Mi", "nodefs.available": "1%", "imagefs.available": "1%"},
            "imageGCHighThresholdPercent": 99})
        self.processes.start("kubelet", program("kubelet"), f"--config={self.folder / 'kubelet.json'}",
                             f"--kubeconfig={self.folder / 'kubeconfig'}", f"--root-dir={self.folder / 'kubelet'}",
                             f"--cert-dir={self.folder / 'pki' / 'kubelet'}", "--hostname-override=node1",
                             f"--node-ip={NODE}")

    def start_network(self):
        self.write("proxy.json", {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "nftables",
            "clientConnection": {"kubeconfig": str(self.folder / "kubeconfig")}, "clusterCIDR": "10.244.0.0/16",
            "bindAddress": NODE, "conntrack": {"maxPerCore": 0, "min": 0}})
        self.processes.start("kube-proxy", program("kube-proxy"), f"--config={self.folder / 'proxy.json'}",
                             "--hostname-override=node1")
        self.write("Corefile", f""".:53 {{
    errors
    kubernetes {DOMAIN} {{
        kubeconfig {self.folder}/kubeconfig
        ttl 5
    }}
}}
""")
        self.processes.start("coredns", program("coredns"), "-conf", self.folder / "Corefile")

    def start(self, archives):
        self.start_api()
        self.start_controllers()
        self.start_containers(archives)
        self.start_kubelet()
        self.start_network()
        wait_until(lambda: self.processes.check_alive("kubelet") and self.kube.kubectl(
            "wait", "--for=condition=Ready", "node/node1", "--timeout=1s", ok=False).returncode == 0, 120,
            lambda: f"the node: {self.processes.log('kubelet')}")

    # The end.

    def stop(self):
        """Leaves nothing: pods first, because their processes outlive containerd."""
        if "kubelet" in self.processes.running:
            self.kube.run("kubectl", "delete", "deployment,replicaset,pod", "--all", "--all-namespaces",
                          "--grace-period=1", "--timeout=30s", ok=False)
        for name in reversed(list(self.processes.running)):
            if name not in ("containerd", "etcd", "kube-apiserver"):
                self.processes.stop(name)
        if "containerd" in self.processes.running:
            self.end_tasks()
        for name in ("kube-apiserver", "etcd", "containerd"):
            self.processes.stop(name, signal.SIGKILL if name == "kube-apiserver" else signal.SIGTERM)
        mounts = [line.split()[1] for line in pathlib.Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((mount for mount in mounts if mount.startswith(f"{self.folder}/")), reverse=True):
            subprocess.run(["umount", "--lazy", mount], capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        for group in pathlib.Path("/sys/fs/cgroup").glob("*/kubepods"):
            for folder in sorted((path for path in group.rglob("*") if path.is_dir()), reverse=True):
                folder.rmdir()
            group.rmdir()

    def tasks(self):
        return self.ctr("tasks", "ls", "-q", ok=False).stdout.split()

    def end_tasks(self):
        for task in self.tasks():
            self.ctr("tasks", "kill", "--signal", "SIGKILL", task, ok=False)
        for task in self.tasks():
            self.ctr("tasks", "rm", "--force", task, ok=False)
