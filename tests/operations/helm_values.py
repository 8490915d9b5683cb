"""Wrong values are refused by name, and what must fit together does, for every set of golden/."""

import functools
import json
import re
import subprocess
import sys
import tempfile

from helm_chart import (BIN, CHART, GOLDEN, SETS, SOURCE, check, objects, of_kind, render, require_tools, run,
                        server_config, server_container, template)

# Values, and what helm must say of them.
REFUSED = [
    ({"replica": 3}, "replica"),
    ({"replicas": "three"}, "/replicas"),
    ({"image": {"tags": "1"}}, "/image"),
    ({"image": {"digest": "sha256:12"}}, "/image/digest"),
    ({"image": {"pullPolicy": "Sometimes"}}, "/image/pullPolicy"),
    ({"cascades": []}, "/cascades"),
    ({"cascades": [{"name": "a b"}]}, "/cascades/0/name"),
    ({"cascades": [{"name": "a"}, {"name": "a"}]}, "a is there twice"),
    ({"models": {"source": "hostPath"}}, "/models/source"),
    ({"models": {"source": "volumeClaim"}}, "set models.volumeClaim.name"),
    ({"models": {"source": "imageVolume"}}, "set models.image.reference"),
    ({"models": {"source": "copy"}}, "set models.image.reference"),
    ({"config": {"slotz": 4}}, "slotz"),
    ({"config": {"slots": 0}}, "/config/slots"),
    ({"config": {"keepalive_time": "60"}}, "/config/keepalive_time"),
    ({"config": {"lanes": [{"device": "gpu"}]}}, "/config/lanes"),
    # What the pod depends on, and what opens a door.
    ({"config": {"listen": "0.0.0.0:1"}}, "listen"),
    ({"config": {"drain_timeout": "1s"}}, "drain_timeout"),
    ({"config": {"admin_listen": "0.0.0.0:50052"}}, "admin_listen"),
    ({"termination": {"drainTimeoutSeconds": 30}}, "it would be cut off"),
    ({"termination": {"gracePeriodSeconds": 94}}, "would be killed while it drains"),
    ({"termination": {"longestRequestSeconds": 76}}, "it would be cut off"),
    ({"updateStrategy": {"maxSurge": 0}}, "no pod could ever be replaced"),
    ({"updateStrategy": {"maxSurge": "0%", "maxUnavailable": 0}}, "no pod could ever be replaced"),
    ({"resources": {"requests": {"cpu": None}}}, "a lane for each core of the node"),
    ({"resources": {"limits": {"memory": "much"}}}, "/resources/limits/memory"),
    ({"gpu": {"count": -1}}, "/gpu/count"),
    ({"topologySpread": [{"topologyKey": "zone"}]}, "/topologySpread/0"),
    ({"service": {"type": "ExternalName"}}, "/service/type"),
    ({"grpcRoute": {"enabled": True}}, "set grpcRoute.parentRefs"),
    ({"autoscaling": {"kind": "vpa"}}, "/autoscaling/kind"),
    ({"autoscaling": {"minReplicas": 11}}, "more than maxReplicas"),
    ({"autoscaling": {"backlogSeconds": 0}}, "/autoscaling/backlogSeconds"),
    ({"monitoring": {"monitor": "both"}}, "/monitoring/monitor"),
    ({"networkPolicy": {"client": []}}, "client"),
    ({"fullnameOverride": "Big"}, "/fullnameOverride"),
]
# Settings of the server that other values of the chart decide.
OF_THE_CHART = {"listen", "http_listen", "admin_listen", "drain_timeout", "max_connection_age_grace", "cascades"}
# Keys that only the configuration file has (server/config_file.cc).
OF_THE_FILE = {"cascades", "tenants", "memory_limit"}


@functools.cache
def rendered_sets():
    return {name: render("-f", str(GOLDEN / f"{name}.values.yaml")) for name in SETS}


def wrong_values_are_refused_by_name():
    for values, said in REFUSED:
        result = template(values=values)
        check(result.returncode != 0, f"accepted: {values}")
        check(said in result.stderr, f"{values}: {said!r} is not in {result.stderr!r}")


def every_setting_of_the_server_is_known():
    listed = re.findall(r'(?:Address|Number|Duration|Choice<\w+>)\(\s*"(\w+)"|\.name = "(\w+)"',
                        (SOURCE / "server" / "config_setting.cc").read_text())
    settings = {first or second for first, second in listed}
    check(len(settings) > 20, settings)
    schema = set(json.loads((CHART / "values.schema.json").read_text())["properties"]["config"]["properties"])
    wanted = (settings | OF_THE_FILE) - OF_THE_CHART
    check(schema == wanted, f"values.schema.json: lacks {sorted(wanted - schema)}, has unknown {sorted(schema - wanted)}")


def the_server_reads_what_the_chart_writes():
    """Exit code 2 is a wrong configuration, 1 one without the packages, which are not on this machine."""
    server = BIN / "cascade-server"
    if not server.exists():
        print(f"      (no {server}: the server was not asked)")
        return
    for name, text in rendered_sets().items():
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            file.write(json.dumps(server_config(text)).replace("/models/", "/no/such/folder/"))
            file.flush()
            result = subprocess.run([server, f"--config={file.name}", "--listen=127.0.0.1:0"], capture_output=True,
                                    text=True)
        check(result.returncode == 1, f"{name}: exit code {result.returncode}: {result.stderr}")


def every_value_has_a_comment():
    """Above it, or above a parent that says enough for all of its children."""
    lines = (CHART / "values.yaml").read_text().splitlines()
    explained = {}  # By depth: whether the key that is open there has a comment.
    for number, line in enumerate(lines):
        key = re.match(r"( *)[A-Za-z]\w*:( *)(.*)", line)
        if not key:
            continue
        depth = len(key.group(1))
        explained = {level: ok for level, ok in explained.items() if level < depth}
        explained[depth] = lines[number - 1].strip().startswith("#")
        check(any(explained.values()) or not key.group(3), f"values.yaml:{number + 1}: {line.strip()} has no comment")


def a_pod_has_the_time_that_its_requests_need():
    for name, text in rendered_sets().items():
        (deployment,) = of_kind(text, "Deployment")
        pod = deployment["spec"]["template"]["spec"]
        container = server_container(text)
        drain = int(re.search(r"--drain_timeout=(\d+)s", " ".join(container["args"])).group(1))
        wait = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        grace = pod["terminationGracePeriodSeconds"]
        longest = int(server_config(text)["max_connection_age_grace"].removesuffix("s"))
        check(grace >= wait + drain + 10 and drain >= longest, (name, grace, wait, drain, longest))
        startup = container["startupProbe"]
        check(deployment["spec"]["progressDeadlineSeconds"] > startup["periodSeconds"] * startup["failureThreshold"] + grace,
              f"{name}: a rollout would be called failed while it goes on")


def pods_are_restricted():
    """What Pod Security asks for; tests/cluster/run asks a real API server."""
    for name, text in rendered_sets().items():
        (deployment,) = of_kind(text, "Deployment")
        for spec in [deployment["spec"]["template"]["spec"], *(pod["spec"] for pod in of_kind(text, "Pod"))]:
            security = spec["securityContext"]
            check(security["runAsNonRoot"] and security["seccompProfile"]["type"] == "RuntimeDefault", name)
            check(spec["automountServiceAccountToken"] is False, name)
            for container in [*spec["containers"], *spec.get("initContainers", [])]:
                limits = container["securityContext"]
                check(limits == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                 "capabilities": {"drop": ["ALL"]}}, f"{name}: {container['name']}: {limits}")


def nothing_but_grpc_and_http_is_on_the_network():
    for name, text in rendered_sets().items():
        ports = {port["containerPort"] for port in server_container(text)["ports"]}
        check(ports == {50051, 8080}, (name, ports))
        for argument in server_container(text)["args"]:
            check(not argument.startswith("--admin_listen=") or argument == "--admin_listen=127.0.0.1:50052", argument)
        for service in of_kind(text, "Service"):
            check({port["targetPort"] for port in service["spec"]["ports"]} <= {"grpc", "http"}, service)


def selectors_find_the_pods():
    for name, text in rendered_sets().items():
        (deployment,) = of_kind(text, "Deployment")
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        for (kind, _), document in objects(text).items():
            spec = document.get("spec", {})
            selector = {"Service": spec.get("selector"), "Deployment": spec.get("selector", {}).get("matchLabels"),
                        "PodDisruptionBudget": spec.get("selector", {}).get("matchLabels"),
                        "NetworkPolicy": spec.get("podSelector", {}).get("matchLabels"),
                        "PodMonitor": spec.get("selector", {}).get("matchLabels")}.get(kind)
            if selector is not None:
                check(selector and selector.items() <= labels.items(), f"{name}: {kind} selects {selector}")
        for monitor in of_kind(text, "ServiceMonitor"):
            wanted = monitor["spec"]["selector"]["matchLabels"]
            matches = [service for service in of_kind(text, "Service")
                       if wanted.items() <= service["metadata"]["labels"].items()]
            check(len(matches) == 1 and matches[0]["spec"]["clusterIP"] == "None", f"{name}: {len(matches)} services")


def one_thing_counts_the_pods():
    for kind, expected in (("none", set()), ("hpa", {"HorizontalPodAutoscaler"}), ("keda", {"ScaledObject"})):
        text = render(values={"autoscaling": {"kind": kind}})
        found = {this for this, _ in objects(text)} & {"HorizontalPodAutoscaler", "ScaledObject"}
        (deployment,) = of_kind(text, "Deployment")
        check(found == expected and ("replicas" in deployment["spec"]) == (kind == "none"), (kind, found))


def a_changed_setting_replaces_the_pods():
    def checksum(**values):
        (deployment,) = of_kind(render(values=values), "Deployment")
        return deployment["spec"]["template"]["metadata"]["annotations"]["checksum/config"]
    check(checksum() == checksum(replicas=5), "replicas are no setting of the server")
    check(checksum() != checksum(config={"slots": 8}), "a setting of the server")


def lanes_follow_the_pod_s_share():
    def lanes(**values):
        return server_config(render(values=values))["lanes"]
    check(lanes(resources={"requests": {"cpu": "1500m"}}) == 2, "1500m")
    check(lanes(resources={"limits": {"cpu": 3}}) == 3, "the limit goes before the request")
    check(lanes(gpu={"count": 2}) == [{"device": "cuda:0"}, {"device": "cuda:1"}], "GPUs")
    check(lanes(gpu={"count": 2}, config={"lanes": 4}) == 4, "config.lanes wins")


if __name__ == "__main__":
    require_tools()
    sys.exit(run(wrong_values_are_refused_by_name, every_setting_of_the_server_is_known,
                 the_server_reads_what_the_chart_writes, every_value_has_a_comment,
                 a_pod_has_the_time_that_its_requests_need, pods_are_restricted,
                 nothing_but_grpc_and_http_is_on_the_network, selectors_find_the_pods, one_thing_counts_the_pods,
                 a_changed_setting_replaces_the_pods, lanes_follow_the_pod_s_share))
