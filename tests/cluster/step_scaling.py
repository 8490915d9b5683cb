"""Pods come with the load and go with it."""

import time

from trial import check

MOST = 3


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
