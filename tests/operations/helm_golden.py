"""The chart renders what golden/ has, lints, and its objects are what Kubernetes knows.

    helm_golden.py            compares
    helm_golden.py --update   copies rules and dashboard into the chart and writes golden/ anew: then read the difference
"""

import difflib
import re
import shutil
import subprocess
import sys
import tempfile

from helm_chart import CHART, GOLDEN, KUBERNETES, SETS, SOURCE, TOOLS, check, helm, of_kind, render, require_tools, run

# A chart can hold no file from outside of it.
COPIES = {
    CHART / "files" / "rules.yaml": SOURCE / "deploy" / "prometheus" / "rules.yaml",
    CHART / "files" / "cascade.json": SOURCE / "deploy" / "grafana" / "cascade.json",
}


def values_of(name):
    return "-f", str(GOLDEN / f"{name}.values.yaml")


def without_copies(text):
    """Rules and dashboard are compared with their sources, not here: their changes are not the chart's."""
    text = re.sub(r"(\n# files/rules\.yaml is .*\nspec:\n)(?:  .*\n|\n)+", r"\1  # deploy/prometheus/rules.yaml\n", text)
    return re.sub(r"(\n  cascade\.json: \|\n)(?:    .*\n|\n)+", r"\1    # deploy/grafana/cascade.json\n", text)


def the_objects_are_those_of_golden():
    check({"default", "gpu", "keda", "full"} <= set(SETS), SETS)
    for name in SETS:
        expected = (GOLDEN / f"{name}.yaml").read_text()
        found = without_copies(render(*values_of(name)))
        difference = "".join(difflib.unified_diff(expected.splitlines(True), found.splitlines(True), f"golden/{name}.yaml",
                                                  "rendered"))
        check(not difference, f"if this is meant: helm_golden.py --update\n{difference}")


def rules_and_dashboard_are_copies():
    for copy, original in COPIES.items():
        check(copy.read_bytes() == original.read_bytes(), f"{copy.relative_to(SOURCE)} is not "
              f"{original.relative_to(SOURCE)}: helm_golden.py --update copies it")
    import yaml
    text = render(*values_of("full"))
    (rule,) = of_kind(text, "PrometheusRule")
    rules, dashboard = (original.read_text() for original in COPIES.values())
    check(rule["spec"] == yaml.safe_load(rules), "the PrometheusRule is not rules.yaml")
    (board,) = (config for config in of_kind(text, "ConfigMap") if "cascade.json" in config["data"])
    check(board["data"]["cascade.json"].rstrip() == dashboard.rstrip(), "the ConfigMap is not cascade.json")


def the_chart_lints():
    for name in SETS:
        result = helm("lint", "--strict", CHART, *values_of(name))
        check(result.returncode == 0, f"{name}: {result.stdout}{result.stderr}")


def kubernetes_knows_every_field():
    validate = TOOLS / "kubernetes-validate"
    check(validate.exists(), f"no {validate}")
    for name in SETS:
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(render(*values_of(name)))
            file.flush()
            result = subprocess.run([validate, "--strict", "--quiet", "-k", KUBERNETES, file.name], capture_output=True,
                                    text=True)
            said = result.stdout + result.stderr
        check(result.returncode == 0, f"{name}: {said}")
        # What it has no schema for is somebody else's resource; tests/cluster/run checks these.
        unknown = {line.split("kind ")[1].split()[0] for line in said.splitlines() if "Couldn't find schema" in line}
        check(unknown <= {"GRPCRoute", "PodMonitor", "PrometheusRule", "ScaledObject", "ServiceMonitor"}, unknown)


def the_chart_has_the_product_s_version():
    version = re.search(r"project\(cascade VERSION (\S+)", (SOURCE / "CMakeLists.txt").read_text()).group(1)
    chart = (CHART / "Chart.yaml").read_text()
    check(f"\nversion: {version}\n" in chart and f'\nappVersion: "{version}"\n' in chart, f"Chart.yaml: not {version}")


def update():
    for copy, original in COPIES.items():
        shutil.copyfile(original, copy)
    for name in SETS:
        (GOLDEN / f"{name}.yaml").write_text(without_copies(render(*values_of(name))))


if __name__ == "__main__":
    require_tools()
    if sys.argv[1:] == ["--update"]:
        sys.exit(update())
    sys.exit(run(the_objects_are_those_of_golden, rules_and_dashboard_are_copies, the_chart_lints,
                 kubernetes_knows_every_field, the_chart_has_the_product_s_version))
