"""Every query of the dashboard, on a Prometheus that scrapes a server under load, finds what its panel is to show."""

import math
import re
import sys
import time
import urllib.request

import dashboard_queries as board
from load import loaded_server
from monitoring import Prometheus
from tools import RULES, check, require_package, require_programs, run, wait_until

# As the Prometheus operator labels the pods of a PodMonitor, and as a plain scrape does.
PODS, PLAIN = "pods", "plain"
POD_LABELS = {"namespace": "images", "pod": "cascade-0", "container": "cascade-server"}
# What Grafana would put in for its variables, all of them chosen.
CHOSEN = {"job": f"{PODS}|{PLAIN}", "pod": ".*", "cascade": ".*", "stage": ".*", "__rate_interval": "10s",
          "__range": "1h"}
SECONDS = 180  # For the last query to find something; a few seconds are enough on an idle machine.

# Queries that find nothing while all is well. rules_test.yaml shows what there is to find.
EMPTY = {"annotation Alerts": "no alert fires"}
# Metrics of the server that are no panel, and why.
LEFT_OUT = {"process_virtual_memory_bytes": "address space that is reserved tells nothing"}


class Live:
    def __init__(self, server, prometheus):
        self.server = server
        self.prometheus = prometheus
        self.begun = time.time()
        self.found = {}  # Query: its series with a number in them.

    def every_query_finds_data(self):
        wanted = [query for query in board.queries(board.dashboard()) if query.where not in EMPTY]
        wait_until(lambda: all([self._look(query) for query in wanted]), SECONDS,
                   lambda: f"nothing for: {[query.where for query in wanted if query not in self.found]}", every=1)

    def what_is_said_to_find_nothing_does(self):
        for query in board.queries(board.dashboard()):
            if query.where in EMPTY:
                check(not self._look(query), f"{query.where} finds {self.found.get(query)}")

    def every_label_of_a_legend_is_there(self):
        # One job may be scraped before the other, which has labels of its own.
        wait_until(lambda: all([self._look(query) for query in self.found if self._missing_labels(query)]), SECONDS,
                   lambda: {query.where: self._missing_labels(query) for query in self.found}, every=1)

    def a_pod_is_shown_by_its_name_and_chosen_by_its_address(self):
        """As Grafana reads the answer of query_result()."""
        variable = next(one for one in board.variables(board.dashboard()) if one["name"] == "pod")
        pattern = re.compile(variable["regex"].strip("/").replace("(?<", "(?P<"))
        series = self.prometheus.series(board.filled_in(board.variable_expression(variable), CHOSEN))
        texts = ["cascade_build_info{%s} 1 1" % ",".join(f'{key}="{value}"' for key, value in sorted(
            one["metric"].items()) if key != "__name__") for one in series]
        shown = {pattern.search(text).group("text", "value") for text in texts}
        check(shown == {("cascade-0", self.server.http), (self.server.http, self.server.http)}, (shown, texts))

    def choosing_narrows(self):
        query = board.Query("", "count(cascade_stage_images{job=~\"$job\",instance=~\"$pod\",stage=~\"$stage\"})")
        all_of_them = self._number(query, CHOSEN)
        check(self._number(query, CHOSEN | {"job": PLAIN}) == all_of_them / 2, "one job of two")
        check(self._number(query, CHOSEN | {"stage": "8x8"}) == all_of_them / 3, "one stage of three")

    def the_servers_metrics_are_those_of_the_dashboard_and_the_rules(self):
        with urllib.request.urlopen(f"http://{self.server.http}/metrics") as response:
            served = set(re.findall(r"^# TYPE (\S+)", response.read().decode(), re.MULTILINE))
        shown = set().union(*(board.metrics(query.expression) for query in board.queries(board.dashboard())))
        unknown = (shown | board.metrics(RULES.read_text())) - served
        check(not unknown, f"the server has no {sorted(unknown)}")
        check(served - shown == set(LEFT_OUT), f"shown, or left out, and not the other: "
              f"{sorted((served - shown) ^ set(LEFT_OUT))}")

    def every_rule_can_be_evaluated(self):
        rules = [rule for group in self.prometheus.api("rules")["groups"] for rule in group["rules"]]
        check(rules, "there are no rules")
        bad = [(rule["name"], rule.get("lastError")) for rule in rules if rule["health"] != "ok"]
        check(not bad, bad)

    def _missing_labels(self, query):
        """Of its legend, in what it found."""
        labels = board.LEGEND_LABEL.findall(query.legend)
        return [label for label in labels if not any(one["metric"].get(label) for one in self.found[query])]

    def _look(self, query):
        """True once the query finds a number, with the labels of its legend if it found numbers before."""
        if query in self.found and not self._missing_labels(query):
            return True
        expression = board.filled_in(query.expression, CHOSEN)
        if query.instant:
            series = self.prometheus.series(expression)
        else:
            series = self.prometheus.series(expression, start=self.begun, end=time.time(), step=1)
        numbers = [one for one in series
                   if any(math.isfinite(float(value)) for _, value in one.get("values") or [one["value"]])]
        was_found = query in self.found
        if numbers:
            self.found[query] = numbers
        return bool(numbers) and not (was_found and self._missing_labels(query))

    def _number(self, query, chosen):
        return float(self.prometheus.series(board.filled_in(query.expression, chosen))[0]["value"][1])


def main():
    with loaded_server() as server, \
            Prometheus({PODS: (server.http, POD_LABELS), PLAIN: (server.http, {})}) as prometheus:
        live = Live(server, prometheus)
        return run(live.every_query_finds_data, live.what_is_said_to_find_nothing_does,
                   live.every_label_of_a_legend_is_there, live.a_pod_is_shown_by_its_name_and_chosen_by_its_address,
                   live.choosing_narrows, live.the_servers_metrics_are_those_of_the_dashboard_and_the_rules,
                   live.every_rule_can_be_evaluated)


if __name__ == "__main__":
    require_package()
    require_programs("prometheus")
    sys.exit(main())
