"""Nobody notices that pods are replaced."""

import json

from trial import NAMESPACE, RELEASE, check

REQUESTS = 1000


def no_request_failed(trial, session, **facts):
    report = session.report
    trial.note(requests=report["requests"], failed=report["failed"], longest_seconds=report["longest_seconds"], **facts)
    check(report["requests"] >= REQUESTS, report)
    check(report["failed"] == 0, lambda: json.dumps(report))


def rolling_update(trial):
    """A changed setting replaces three pods under load; 0 failed requests of at least 1,000."""
    trial.install(replicas=3)
    before = set(trial.kube.ready_pods())
    with trial.load() as session:
        session.wait_for(200)
        trial.install(replicas=3, config={"priority_ageing": "6s"})
        session.wait_for(REQUESTS)
    after = set(trial.kube.ready_pods())
    check(not before & after, f"not replaced: {before & after}")
    no_request_failed(trial, session, replaced=len(after))


def evict(trial, pod):
    """What a drain of the node asks for; returns the API server's answer."""
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": NAMESPACE}}
    return trial.kube.kubectl("create", "--raw", f"/api/v1/namespaces/{NAMESPACE}/pods/{pod}/eviction",
                              "--filename", "-", text=json.dumps(eviction), ok=False)


def pod_eviction(trial):
    """Every pod is evicted, one after another, under load: 0 failed requests; the budget refuses a second one."""
    trial.install(replicas=3)
    before = sorted(trial.kube.ready_pods())
    refused = 0
    with trial.load() as session:
        session.wait_for(200)
        for index, pod in enumerate(before):
            # The budget counts a pod a moment after it is ready.
            trial.wait(lambda: evict(trial, pod).returncode == 0, 30, f"{pod} may go")
            # The one to come would be the second one missing.
            other = before[(index + 1) % len(before)]
            if index + 1 < len(before):
                answer = evict(trial, other)
                check("disruption budget" in answer.stderr, f"two pods at a time: {answer}")
                refused += 1
            trial.wait(lambda: len(trial.kube.ready_pods()) == 3 and pod not in trial.kube.ready_pods(), 120,
                       lambda: f"three pods: {trial.kube.kubectl('get', 'pods').stdout}")
        session.wait_for(REQUESTS)
    no_request_failed(trial, session, evicted=len(before), refused_by_the_budget=refused)
    history = trial.kube.helm("history", RELEASE).stdout
    check("deployed" in history, history)
