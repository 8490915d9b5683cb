"""Tells Prometheus which pods there are: Debian's build has no discovery of Kubernetes. A program of its own.

    scrape_targets.py KUBECONFIG NAMESPACE FILE

Writes FILE for file_sd_configs whenever the pods of the server change, with the labels that the operator gives them.
"""

import json
import pathlib
import ssl
import sys
import threading
import urllib.parse
import urllib.request

SELECTOR = "app.kubernetes.io/component=server"


def list_pods(kubeconfig, namespace):
    """The server's pods, from the API server; None while it does not answer."""
    cluster = kubeconfig["clusters"][0]["cluster"]
    url = (f"{cluster['server']}/api/v1/namespaces/{namespace}/pods?"
           f"{urllib.parse.urlencode({'labelSelector': SELECTOR})}")
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {kubeconfig['users'][0]['user']['token']}"})
    context = ssl.create_default_context(cafile=cluster["certificate-authority"])
    try:
        with urllib.request.urlopen(request, timeout=5, context=context) as response:
            return json.load(response)["items"]
    except OSError:
        return None


def targets(pods):
    return [{"targets": [f"{pod['status']['podIP']}:8080"],
             "labels": {"namespace": pod["metadata"]["namespace"], "pod": pod["metadata"]["name"]}}
            for pod in pods if pod["status"].get("podIP") and pod["status"].get("phase") == "Running"]


def main(kubeconfig, namespace, file):
    kubeconfig = json.loads(pathlib.Path(kubeconfig).read_text())
    file, written, never = pathlib.Path(file), None, threading.Event()
    while not never.wait(0.5):
        pods = list_pods(kubeconfig, namespace)
        if pods is None or targets(pods) == written:
            continue
        written = targets(pods)
        staged = file.with_suffix(".partial")
        staged.write_text(json.dumps(written))
        staged.rename(file)


if __name__ == "__main__":
    main(*sys.argv[1:])
