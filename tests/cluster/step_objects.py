"""A real API server judges what the chart renders: every field, every custom resource, Pod Security."""

import copy
import json

import binaries
from trial import CHART, NAMESPACE, SOURCE, check

GOLDEN = SOURCE / "tests" / "operations" / "golden"


def objects_are_accepted(trial):
    """Server-side dry run with strict validation of every set of golden/, in a namespace that enforces `restricted`."""
    import yaml
    install_custom_resources(trial)
    trial.make_namespace()
    make_default_account(trial)
    judged = 0
    for values in sorted(GOLDEN.glob("*.values.yaml")):
        text = trial.kube.helm("template", "pictures", CHART, "--values", values, "--kube-version",
                               binaries.KUBERNETES).stdout
        documents = [document for document in yaml.safe_load_all(text) if document]
        for document in [*documents, *(pod_of(document) for document in documents
                                       if document["kind"] == "Deployment")]:
            said = judge(trial, document)
            check(said.returncode == 0, f"{values.name}: {document['kind']}: {said.stderr}")
            check("would violate" not in said.stderr, f"{values.name}: {document['kind']}: {said.stderr}")
            judged += 1
    trial.note(objects=judged, kubernetes=binaries.KUBERNETES)
    what_is_wrong_is_refused(trial, documents)


def judge(trial, document):
    return trial.kube.apply(document, "--server-side", "--dry-run=server", "--validate=strict", ok=False)


def pod_of(deployment):
    """The pod that the Deployment would make: Pod Security only warns about a Deployment, and refuses a pod."""
    template = copy.deepcopy(deployment["spec"]["template"])
    template["spec"].pop("serviceAccountName")  # The set's account exists in the dry run only.
    template["spec"].pop("priorityClassName", None)
    template["spec"].pop("runtimeClassName", None)
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {**template["metadata"], "name": "judged", "namespace": NAMESPACE}, "spec": template["spec"]}


def what_is_wrong_is_refused(trial, documents):
    """The judge can say no: else its yes would be worth nothing."""
    deployment = next(document for document in documents if document["kind"] == "Deployment")
    unknown = copy.deepcopy(deployment)
    unknown["spec"]["replica"] = 3
    check("replica" in judge(trial, unknown).stderr, "an unknown field was accepted")
    for container_field in ("allowPrivilegeEscalation", "capabilities"):
        open_pod = pod_of(deployment)
        del open_pod["spec"]["containers"][0]["securityContext"][container_field]
        said = judge(trial, open_pod).stderr
        check("violates PodSecurity" in said, f"a pod without {container_field} was accepted: {said}")


def install_custom_resources(trial):
    names = []
    for file in binaries.custom_resources():
        said = trial.kube.run("kubectl", "apply", "--server-side", "--force-conflicts", "--filename", file)
        names += [line.split()[0] for line in said.stdout.splitlines() if line]
    trial.kube.run("kubectl", "wait", "--for=condition=Established", "--timeout=60s", *names)
    trial.note(custom_resources=len(names))


def make_default_account(trial):
    """The controllers make it; where only the API server runs, nobody does."""
    trial.kube.apply(json.dumps({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}))
