"""deploy/grafana/cascade.json is what its code makes, Grafana can read it, and a person can read its panels."""

import itertools
import json
import re
import subprocess
import sys
import tempfile

from dashboard_queries import dashboard, filled_in, panels, queries
from tools import DASHBOARD, GRAFANA, check, promtool, require_modules, require_programs, run

require_programs("promtool")
require_modules("grafana_foundation_sdk")
import dashboard_schema  # noqa: E402  (needs the SDK)

FLOW = ["At a glance", "Traffic", "Admission", "Queues", "Batches", "Stages", "Streaming", "Lanes and devices",
        "Process"]
GRID_WIDTH = 24
# Units that Grafana knows by these names, and words of our own, which it puts behind the number.
UNITS = {"short", "s", "bytes", "percentunit", "reqps"}
OWN_UNITS = re.compile(r"images|lanes|cores|(images|rows|previews|pictures|lines)/s")


def it_is_what_its_code_makes():
    made = subprocess.run([sys.executable, GRAFANA / "dashboard.py"], capture_output=True, text=True, check=True)
    check(made.stdout == DASHBOARD.read_text(), "run deploy/grafana/dashboard.py > deploy/grafana/cascade.json")


def grafana_knows_every_field():
    problems = dashboard_schema.problems(DASHBOARD.read_text())
    check(not problems, problems)


def the_schema_check_finds_planted_errors():
    plants = {"title": 7, "refresh_every": "30s", "graphTooltip": 9, "tags": "cascade"}
    for field, value in plants.items():
        found = dashboard_schema.problems(json.dumps(dashboard() | {field: value}))
        check(len(found) == 1 and field.split("_")[0][:5] in found[0], (field, found))
    board = dashboard()
    panels(board)[0]["options"]["colour"] = "red"
    panels(board)[1]["fieldConfig"]["defaults"]["unit"] = 5
    panels(board)[2]["targets"][0]["expression"] = "up"
    found = dashboard_schema.problems(json.dumps(board))
    check(len(found) == 3, found)


def rows_follow_the_flow_and_panels_do_not_overlap():
    board = dashboard()
    check([panel["title"] for panel in board["panels"] if panel["type"] == "row"] == FLOW, "the rows")
    boxes = [(panel["title"], panel["gridPos"]) for panel in board["panels"]]
    for title, box in boxes:
        check(box["x"] + box["w"] <= GRID_WIDTH, f"{title} leaves the grid: {box}")
    for (one, a), (other, b) in itertools.combinations(boxes, 2):
        apart = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"] or \
            a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        check(apart, f"{one} overlaps {other}")
    order = [(box["y"], box["x"]) for _, box in boxes]
    check(order == sorted(order), "the file's order is not the page's")


def every_panel_says_how_to_read_it():
    board = dashboard()
    ids = [panel["id"] for panel in board["panels"]]
    check(len(set(ids)) == len(ids), "two panels with one id")
    titles = [(panel["type"], panel["title"]) for panel in panels(board)]
    check(len(set(titles)) == len(titles), "two panels with one title")
    for panel in panels(board):
        title = panel["title"]
        check(len(panel["description"]) > 30 and panel["description"].endswith("."), f"{title}: its description")
        unit = panel["fieldConfig"]["defaults"].get("unit") or panel["options"].get("yAxis", {}).get("unit")
        check(panel["type"] == "table" or unit in UNITS or OWN_UNITS.fullmatch(unit or ""), f"{title}: unit {unit}")
        check(panel["datasource"]["uid"] == "${datasource}", f"{title}: its data source is not the variable's")
        letters = [target["refId"] for target in panel["targets"]]
        check(letters and len(set(letters)) == len(letters), f"{title}: its queries {letters}")


def promtool_parses_every_query():
    names = {name: name for name in variable_names()}
    names |= {"__rate_interval": "1m", "__range": "1h"}
    found = queries(dashboard())
    rules = [{"record": f"query:{index}", "expr": filled_in(query.expression, names)}
             for index, query in enumerate(found)]
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        json.dump({"groups": [{"name": "dashboard", "rules": rules}]}, file)
        file.flush()
        code, said = promtool("check", "rules", file.name)
    check(code == 0, said)
    check(f"{len(found)} rules found" in said, said)


def every_variable_is_used():
    text = " ".join(query.expression for query in queries(dashboard()))
    unused = [name for name in variable_names() if f"${name}" not in text and name != "datasource"]
    check(not unused, unused)


def variable_names():
    return [variable["name"] for variable in dashboard()["templating"]["list"]]


if __name__ == "__main__":
    sys.exit(run(it_is_what_its_code_makes, grafana_knows_every_field, the_schema_check_finds_planted_errors,
                 rows_follow_the_flow_and_panels_do_not_overlap, every_panel_says_how_to_read_it,
                 promtool_parses_every_query, every_variable_is_used))
