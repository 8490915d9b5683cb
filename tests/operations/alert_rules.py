"""The rules are well formed, every alert is tested both ways, and every alert has its paragraph in the runbook."""

import re
import sys

import dashboard_queries as board
from tools import PROMETHEUS, RULES, RUNBOOK, SOURCE, check, promtool, require_modules, require_programs, run

require_programs("promtool")
require_modules("yaml")
import yaml  # noqa: E402  (known to be there now)

# Reasons (server/base/error_reason.h) that are the server's fault; all others are explained by clients, load, rollouts.
FAULTS = {"NOT_FINITE", "STEP_FAILED", "DEVICE_MEMORY", "DEVICE_LOST", "ENCODE_FAILED", "INTERNAL", "SHUT_DOWN"}
FAULT_SELECTOR = re.compile(r'outcome!="OK",reason!~"([^"]+)"')
# Panels with a red line, and the alert whose limit it is.
RED_LINES = {"The server's errors": "CascadeErrorBudgetBurnsFast", "Time of requests": "CascadeLatencyHigh",
             "Time to the first preview": "CascadeFirstPreviewLate", "Backlog": "CascadeBacklogHigh",
             "Device time wasted": "CascadeWorkWasted", "File descriptors": "CascadeFileDescriptorsLow"}
SEVERITIES = {"critical", "warning"}


def rules(kind):
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


def test_files():
    return sorted(PROMETHEUS.glob("*_test.yaml"))


def promtool_accepts_the_rules():
    code, said = promtool("check", "rules", RULES)
    check(code == 0, said)
    check(f"{len(rules('alert')) + len(rules('record'))} rules found" in said, said)


def the_tests_of_the_rules_pass():
    code, said = promtool("test", "rules", *test_files(), cwd=PROMETHEUS)
    check(code == 0, said)


def each_alert_is_seen_firing_and_quiet():
    firing, quiet = set(), set()
    for file in test_files():
        for test in yaml.safe_load(file.read_text())["tests"]:
            for case in test["alert_rule_test"]:
                (firing if case["exp_alerts"] else quiet).add(case["alertname"])
    alerts = {rule["alert"] for rule in rules("alert")}
    check(firing == alerts, f"never seen firing, or no alert: {firing ^ alerts}")
    check(quiet == alerts, f"never seen quiet, or no alert: {quiet ^ alerts}")


def each_alert_has_its_paragraph_and_each_paragraph_its_alert():
    headings = set(re.findall(r"^### (Cascade\w+)$", RUNBOOK.read_text(), re.MULTILINE))
    alerts = {rule["alert"] for rule in rules("alert")}
    check(headings == alerts, f"in one place only: {headings ^ alerts}")
    for rule in rules("alert"):
        notes = rule["annotations"]
        check(notes["runbook_url"] == f"{RUNBOOK.relative_to(SOURCE)}#{rule['alert'].lower()}", notes)
        check(notes["summary"] and notes["description"].endswith("."), notes)
        check(rule["labels"]["severity"] in SEVERITIES, rule)


def each_recorded_series_is_used_by_an_alert():
    expressions = " ".join(rule["expr"] for rule in rules("alert"))
    unused = [rule["record"] for rule in rules("record") if rule["record"] not in expressions]
    check(not unused, unused)


def every_reason_is_a_fault_or_explained():
    sources = [RULES, SOURCE / "deploy" / "grafana" / "cascade.json"]
    selectors = {file.name: set(FAULT_SELECTOR.findall(file.read_text().replace('\\"', '"'))) for file in sources}
    check(all(len(found) == 1 for found in selectors.values()) and len(set.union(*selectors.values())) == 1, selectors)
    explained = re.compile(set.union(*selectors.values()).pop())
    header = (SOURCE / "server" / "base" / "error_reason.h").read_text()
    reasons = set(re.findall(r'constexpr std::string_view k\w+ =\s*"(\w+)";', header))
    counted = {reason for reason in reasons if not explained.fullmatch(reason)}
    check(counted == FAULTS, f"counted as faults, and should not be, or the other way round: {counted ^ FAULTS}")


def the_dashboards_red_lines_are_the_alerts_limits():
    drawn = {panel["title"]: step["value"] for panel in board.panels(board.dashboard()) if panel["type"] == "timeseries"
             for step in panel["fieldConfig"]["defaults"].get("thresholds", {"steps": []})["steps"]
             if step["color"] == "red"}
    limits = {rule["alert"]: float(re.search(r"> ([\d.]+)", rule["expr"]).group(1)) for rule in rules("alert")
              if rule["alert"] in RED_LINES.values()}
    check(drawn == {title: limits[alert] for title, alert in RED_LINES.items()}, (drawn, limits))


if __name__ == "__main__":
    sys.exit(run(promtool_accepts_the_rules, the_tests_of_the_rules_pass, each_alert_is_seen_firing_and_quiet,
                 each_alert_has_its_paragraph_and_each_paragraph_its_alert, each_recorded_series_is_used_by_an_alert,
                 every_reason_is_a_fault_or_explained, the_dashboards_red_lines_are_the_alerts_limits))
