"""More pods do more; pods come with the load and go with it."""

import json
import subprocess
import time

from trial import check, metric

MOST = 3

# Of each pod: batches are full (eight images, three stages) also in the pod that round robin has given the fewest.
CLIENTS = 96


SECONDS = 20


def rate(trial, pods):
    """Images a second that our own client sees in a closed loop over all pods, by the headless service: while it asks for
    more, because round robin lets one pod end its last requests long before another."""
    command = [trial.client, "bench", "--server", trial.target(), "--cascade", "digits", "--class", "random", "--clients",
               CLIENTS * pods, "--warmup",
               2 * CLIENTS * pods, "--duration", f"{SECONDS}s", "--json"]
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300)
    check(result.returncode == 0, result.stderr)
    report = json.loads(result.stdout)
    check(report["requests_ok"] == report["requests"] and not report["problems"], report)
    seconds = [second["images"] for second in report["series"] if 0 < second["second"] < SECONDS]
    return sum(seconds) / len(seconds)


def served_by_pod(trial):
    """{pod: images of requests that ended well}"""
    return {name: metric(pod, "cascade_images_total") for name, pod in trial.kube.ready_pods().items()}


def pods_add_up(trial):
    """N pods have N times the rate of one. Steps only take time here (tests/bench/timed_server.cc): two cores cannot hold
    several devices. All else is real: chart, DNS, the client's round robin, queue, lanes, streams."""
    rates = {}
    for pods in (1, 2, 3):
        trial.install(replicas=pods, image={"tag": "timed"}, config={"max_queued_images": 4 * CLIENTS})
        before = served_by_pod(trial)
        rates[pods] = rate(trial, pods)
        served = {name: images - before[name] for name, images in served_by_pod(trial).items()}
        check(len(served) == pods and min(served.values()) > 0, f"a pod had nothing to do: {served}")
        trial.note(**{f"images_per_second_of_{pods}": round(rates[pods], 1)})
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
