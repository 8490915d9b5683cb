"""The queries of the dashboard, as Grafana would send them."""

import dataclasses
import json
import re

from tools import DASHBOARD

METRIC = re.compile(r"(?<![\w:\"])(?:cascade|process)_[a-z_]+")
HISTOGRAM_SUFFIX = re.compile(r"_(bucket|sum|count)$")
LEGEND_LABEL = re.compile(r"{{(\w+)}}")
LABEL_VALUES = re.compile(r"label_values\((.*), (\w+)\)$")
QUERY_RESULT = re.compile(r"query_result\((.*)\)$")


@dataclasses.dataclass(frozen=True)
class Query:
    where: str  # The panel's title and the query's letter, or the variable, or the annotation.
    expression: str
    legend: str = ""
    instant: bool = False


def dashboard():
    return json.loads(DASHBOARD.read_text())


def panels(board):
    return [panel for panel in board["panels"] if panel["type"] != "row"]


def variables(board):
    return [variable for variable in board["templating"]["list"] if variable["type"] == "query"]


def variable_expression(variable):
    """The selector or query behind a variable."""
    text = variable["query"]["query"]
    return (LABEL_VALUES.match(text) or QUERY_RESULT.match(text)).group(1)


def queries(board):
    """All of them: panels, variables, annotations."""
    found = [Query(f"{panel['title']} {target['refId']}", target["expr"], target.get("legendFormat", ""),
                   target.get("instant", False)) for panel in panels(board) for target in panel["targets"]]
    found += [Query(f"${variable['name']}", variable_expression(variable), instant=True)
              for variable in variables(board)]
    found += [Query(f"annotation {note['name']}", note["expr"], note["titleFormat"])
              for note in board["annotations"]["list"]]
    return found


def filled_in(expression, values):
    """`values` for Grafana's $names, all of which must be there; `$1` of label_replace() stays."""
    return re.sub(r"\$([a-z_]\w*)", lambda match: values[match.group(1)], expression)


def metrics(expression):
    """The names of the server's metrics in it, without what histograms append."""
    return {HISTOGRAM_SUFFIX.sub("", name) for name in METRIC.findall(expression)}
