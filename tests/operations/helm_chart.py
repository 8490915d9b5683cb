"""The chart, rendered, for the tests of it. Skips (77) where there is no helm.

CASCADE_BIN          the folder of the binaries (default: build/bin)
CASCADE_TEST_TOOLS   a virtual environment with kubernetes-validate (and its PyYAML), and helm in its bin; ./test makes it
"""

import importlib
import json
import os
import pathlib
import shutil
import subprocess
import sys

# The harness is used by those who import this module, too.
from tools import SOURCE, check, run, skip  # noqa: F401

BIN = pathlib.Path(os.environ.get("CASCADE_BIN", SOURCE / "build" / "bin"))
CHART = SOURCE / "deploy" / "helm" / "cascade"
GOLDEN = SOURCE / "tests" / "operations" / "golden"
TOOLS = pathlib.Path(os.environ.get("CASCADE_TEST_TOOLS", "nowhere")) / "bin"
KUBERNETES = "1.34"
SETS = sorted(path.name.removesuffix(".values.yaml") for path in GOLDEN.glob("*.values.yaml"))


def require_tools():
    """Goes on under the Python that has PyYAML, and finds helm."""
    if helm_program() is None:
        skip("no helm; ./test installs it")
    try:
        importlib.import_module("yaml")
    except ImportError:
        if not (TOOLS / "python").exists() or os.environ.get("CASCADE_RESTARTED"):
            skip("no PyYAML; ./test installs it")
        os.environ["CASCADE_RESTARTED"] = "1"
        os.execv(TOOLS / "python", [str(TOOLS / "python"), *sys.argv])


def helm_program():
    ours = TOOLS / "helm"
    return str(ours) if ours.exists() else shutil.which("helm")


def helm(*arguments, values=None):
    """Runs helm with `values` (a dictionary) on top; returns the finished process."""
    flags = ["-f", "-"] if values is not None else []
    return subprocess.run([helm_program(), *map(str, arguments), *flags], input=json.dumps(values or {}),
                          capture_output=True, text=True)


def template(*flags, values=None):
    """`helm template` of a release "pictures"."""
    return helm("template", "pictures", CHART, "--namespace", "art", "--kube-version", f"{KUBERNETES}.0", *flags,
                values=values)


def render(*flags, values=None):
    """The text of the objects."""
    result = template(*flags, values=values)
    check(result.returncode == 0, result.stderr)
    return result.stdout


def objects(text):
    """{(kind, name): object}."""
    import yaml
    documents = [document for document in yaml.safe_load_all(text) if document]
    return {(document["kind"], document["metadata"]["name"]): document for document in documents}


def of_kind(text, kind):
    """The objects of one kind."""
    return [document for (this, _), document in objects(text).items() if this == kind]


def server_container(text):
    (deployment,) = of_kind(text, "Deployment")
    return deployment["spec"]["template"]["spec"]["containers"][0]


def server_config(text):
    """What the server reads."""
    return next(json.loads(document["data"]["config.json"]) for document in of_kind(text, "ConfigMap")
                if "config.json" in document["data"])
