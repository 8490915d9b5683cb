"""The chart on a real node: installed, asked, looked at."""

import json
import pathlib
import tempfile
import time

from trial import NAMESPACE, RELEASE, check


def install(trial):
    """`helm install --wait`; an image through the Service; `helm test`; logs and metrics are there."""
    trial.uninstall()
    begin = time.monotonic()
    trial.install()
    trial.note(seconds_to_two_ready_pods=round(time.monotonic() - begin, 1))
    an_image_comes_through_the_service(trial)
    trial.kube.helm("test", RELEASE, "--timeout", "2m")
    logs_tell_of_the_request(trial)
    metrics_are_scraped(trial)
    pods_are_locked_up(trial)


def an_image_comes_through_the_service(trial):
    with tempfile.TemporaryDirectory() as folder:
        call = trial.draw(trial.service(), folder, "--class", "7", "--seed", "42", "--request-id", "cluster-1")
        output, said = call.communicate(timeout=120)
        check(call.returncode == 0, said)
        images = {path.name: path.read_bytes() for path in pathlib.Path(folder).iterdir()}
    check("digits-7-seed42-stage2-32x32.png" in images, images.keys())
    check(all(data.startswith(b"\x89PNG\r\n") for data in images.values()), "no PNG")


def logs_tell_of_the_request(trial):
    logs = trial.kube.kubectl("logs", "--selector", "app.kubernetes.io/component=server", "--tail", "-1").stdout
    lines = [json.loads(line) for line in logs.splitlines() if line.startswith("{")]
    check(any(line.get("request_id") == "cluster-1" for line in lines), lambda: f"no line of the request in {logs}")


def metrics_are_scraped(trial):
    trial.monitoring.start()
    trial.wait(lambda: trial.monitoring.targets() == set(trial.kube.ready_pods()), 60, "every pod is scraped")
    served = trial.wait(lambda: trial.monitoring.query(
        'sum(cascade_requests_total{outcome="OK",namespace="%s"}) > 0' % NAMESPACE), 30, "a request is counted")
    trial.note(requests_counted=int(served[0][1]))


def pods_are_locked_up(trial):
    """The security context is in force: not only written down."""
    name = next(iter(trial.kube.ready_pods()))
    said = trial.kube.kubectl("exec", name, "--", "cascade", "health", ok=False)
    check(said.stdout.strip() == "SERVING", said.stderr)
    written = trial.kube.kubectl("exec", name, "--", "cascade", "generate", "--cascade", "digits", "--class", "1",
                                 "--out", "/written", ok=False)
    check(written.returncode != 0 and "ead-only" in written.stderr, f"the root file system is writable: {written}")
