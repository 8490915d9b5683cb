"""Draws the dashboard as a picture: its panels in its layout, out of a Prometheus that scraped a server under load.

    tests/operations/draw_dashboard.py OUT.png [--minutes 3]

Not a test. Needs matplotlib, Debian's prometheus, and the binaries. Grafana draws it more finely; the numbers are the same.
"""

import argparse
import re
import threading
import time

import matplotlib.pyplot as plt

import dashboard_queries as board
import panel_drawing
from load import loaded_server
from monitoring import Prometheus
from tools import require_package, require_programs, wait_until

WIDTH, UNIT = 1500, 23  # Pixels of the page, and of a unit of the grid's height.
COLUMNS = 24
POINTS = 120
GAP = 6
POD = {"namespace": "images", "pod": "cascade-0", "container": "cascade-server"}


def legend_of(template, labels):
    return re.sub(r"{{(\w+)}}", lambda match: labels.get(match.group(1), ""), template).strip()


def results_of(prometheus, panel, begin, end):
    """For each query of the panel its series, as panel_drawing takes them."""
    chosen = {"job": "cascade", "pod": ".*", "cascade": ".*", "stage": ".*", "__rate_interval": "15s", "__range": "1h"}
    results = []
    for target in panel["targets"]:
        expression = board.filled_in(target["expr"], chosen)
        if target.get("instant"):
            results.append([(one["metric"], float(one["value"][1])) for one in prometheus.series(expression)])
            continue
        series = prometheus.series(expression, start=begin, end=end, step=(end - begin) / POINTS)
        results.append(sorted((legend_of(target.get("legendFormat", ""), one["metric"]),
                               [(at, float(value)) for at, value in one["values"]]) for one in series))
    return results


def draw(prometheus, begin, end, out):
    page = board.dashboard()
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in page["panels"]) * UNIT
    figure = plt.figure(figsize=(WIDTH / 100, height / 100), dpi=100, facecolor=panel_drawing.PAGE)
    for panel in page["panels"]:
        at = panel["gridPos"]
        box = ((at["x"] / COLUMNS) + GAP / 2 / WIDTH, 1 - ((at["y"] + at["h"]) * UNIT - GAP / 2) / height,
               at["w"] / COLUMNS - GAP / WIDTH, (at["h"] * UNIT - GAP) / height)
        if panel["type"] == "row":
            figure.text(box[0] + 4 / WIDTH, box[1] + 2 / height, f"⌄ {panel['title']}", color=panel_drawing.TEXT, size=11)
        else:
            panel_drawing.panel(figure, box, panel, results_of(prometheus, panel, begin, end))
    figure.savefig(out, facecolor=figure.get_facecolor())


def main():
    flags = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    flags.add_argument("out")
    flags.add_argument("--minutes", type=float, default=3)
    given = flags.parse_args()
    with loaded_server() as server, Prometheus({"cascade": (server.http, POD)}) as prometheus:
        wait_until(lambda: prometheus.series("cascade_build_info"), 60, "the server was not scraped")
        begin = time.time()
        wait_until(lambda: time.time() - begin > given.minutes * 60, given.minutes * 60 + 10, "time passed", every=1)
        draw(prometheus, begin, time.time(), given.out)


if __name__ == "__main__":
    require_package()
    require_programs("prometheus")
    main()
