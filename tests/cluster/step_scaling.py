"""More pods do more; pods come with the load and go with it."""

import json
import subprocess
import time

from trial import RELEASE, check

MOST = 3

# Of each pod, so that every batch is full: eight images of each stage at work, as many again waiting.
CLIENTS = 48


def bench(trial, pods):
    """Our own client's report of a closed loop over all pods, by the headless service."""
    command = [trial.client, "bench", "--server", trial.target(), "--cascade", "digits", "--class", "random", "--clients",
               CLIENTS * pods, "--warmup", 2 * CLIENTS * pods, "--duration", "20s", "--json"]
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300)
    check(result.returncode == 0, result.stderr)
    report = json.loads(result.stdout)
    check(report["requests_ok"] == report["requests"] and not report["problems"], report)
    return report


def served_by_pod(trial):
    """{pod: requests that ended well}"""
    return {labels["pod"]: value for labels, value in trial.monitoring.query(
        'sum by (pod) (cascade_requests_total{outcome="OK"})')}


def pods_add_up(trial):
    """N pods have N times the rate of one. Steps only take time here (tests/bench/timed_server.cc): two cores cannot hold
    several devices. All else is real: chart, DNS, the client's round robin, queue, lanes, streams."""
    trial.uninstall()
    rates = {}
    for pods in (1, 2, 3):
        trial.install(replicas=pods, image={"tag": "timed"}, config={"max_queued_images": 4 * CLIENTS})
        trial.monitoring.start()
        report = bench(trial, pods)
        rates[pods] = report["images_per_second"]
        served = trial.wait(lambda: (found := served_by_pod(trial)) and set(found) == set(trial.kube.ready_pods()) and
                            sum(found.values()) >= report["requests"] and found, 30, "every pod is scraped")
        trial.note(**{f"images_per_second_of_{pods}": round(rates[pods], 1)})
        check(min(served.values()) > 0, f"a pod of {RELEASE} had nothing to do: {served}")
    trial.note(two_over_one=round(rates[2] / rates[1], 2), three_over_one=round(rates[3] / rates[1], 2))
    trial.uninstall()


def scaling(trial):
    """HPA on cascade_backlog_seconds through prometheus-adapter: one pod, three under load, one again."""
    quick = {"scaleUp": {"stabilizationWindowSeconds": 0,
                         "policies": [{"type": "Pods", "value": 2, "periodSeconds": 15}]},
             "scaleDown": {"stabilizationWindowSeconds": 15,
                           "policies": [{"type": "Pods", "value": 1, "periodSeconds": 15}]}}
    trial.install(replicas=1, autoscaling={"kind": "hpa", "minReplicas": 1, "maxReplicas": MOST, "backlogSeconds": 0.5,
                                           "behavior": quick})
    trial.monitoring.start_adapter()
    begin = time.monotonic()
    with trial.load(clients=48, steps=(12, 8, 6)) as session:
        trial.wait(lambda: len(trial.kube.ready_pods()) == MOST, 240,
                   lambda: f"{MOST} pods: {trial.kube.kubectl('describe', 'hpa').stdout}")
        up = time.monotonic() - begin
        backlog = trial.monitoring.custom_metric()
        session.wait_for(200)
    begin = time.monotonic()
    trial.kube.wait_for_pods(1, 300)
    trial.note(seconds_to_three=round(up), seconds_back_to_one=round(time.monotonic() - begin), backlog=backlog,
               requests=session.report["requests"], failed=session.report["failed"])
    check(session.report["failed"] == 0, session.report)
