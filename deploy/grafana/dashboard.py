"""Prints the dashboard as JSON, for cascade.json. Needs grafana-foundation-sdk==0.0.21."""

import json
import sys

from grafana_foundation_sdk.builders import dashboard
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import dashboard as model

import engine_rows
import process_rows
import request_rows
from panels import CASCADE, SERVER, SOURCE, row

ROWS = [
    ("At a glance", process_rows.at_a_glance),
    ("Traffic", request_rows.traffic),
    ("Admission", request_rows.admission),
    ("Queues", engine_rows.queues),
    ("Batches", engine_rows.batches),
    ("Stages", engine_rows.stages),
    ("Streaming", request_rows.streaming),
    ("Lanes and devices", engine_rows.lanes),
    ("Process", process_rows.process),
]

# The pods seen in the time range, as `text` to show and `value` to select by. A scrape without Kubernetes has no label
# `pod`: its address stands for it.
PODS = ('query_result(last_over_time(cascade_build_info{job=~"$job",pod!=""}[$__range]) or '
        'label_replace(last_over_time(cascade_build_info{job=~"$job",pod=""}[$__range]), '
        '"pod", "$1", "instance", "(.+)"))')
POD_REGEX = r'/[,{]instance="(?<value>[^"]+)".*[,{]pod="(?<text>[^"]+)"/'


def variable(name, label, query, *, regex="", all_value=".*"):
    """Any number of them, or all: the ones that are no more as well, unless `all_value` is None."""
    all_of_them = model.VariableOption(selected=True, text="All", value="$__all")
    made = (dashboard.QueryVariable(name).label(label).datasource(SOURCE).query({"query": query, "refId": name})
            .definition(query).refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
            .sort(model.VariableSort.NATURAL_ASC).multi(True).include_all(True).current(all_of_them))
    if regex:
        made.regex(regex)
    return made if all_value is None else made.all_value(all_value)


def note(name, expression, colour, title, *, at_value=False):
    """Lines across all charts where the query has a sample; or at the times that are its values."""
    made = (dashboard.AnnotationQuery().name(name).datasource(SOURCE).enable(True).icon_color(colour)
            .expr(expression).title_format(title).step("30s"))
    return made.use_value_for_time(True) if at_value else made


def build():
    made = (dashboard.Dashboard("Cascade").uid("cascade").tags(["cascade"]).timezone("browser").editable()
            .description("Cascaded diffusion models over gRPC, in the order in which a request passes.")
            .time("now-1h", "now").refresh("30s").tooltip(model.DashboardCursorSync.CROSSHAIR)
            .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
            # Other jobs have metrics of processes, too: all jobs are all of these.
            .with_variable(variable("job", "Job", "label_values(cascade_build_info, job)", all_value=None))
            .with_variable(variable("pod", "Pod", PODS, regex=POD_REGEX))
            .with_variable(variable("cascade", "Cascade", f"label_values(cascade_stage_images{{{SERVER}}}, cascade)"))
            .with_variable(variable("stage", "Stage", f"label_values(cascade_stage_images{{{CASCADE}}}, stage)"))
            .annotation(note("Starts", f"process_start_time_seconds{{{SERVER}}} * 1000", "blue",
                             "{{pod}} {{instance}} started", at_value=True))
            .annotation(note("Alerts", 'ALERTS{alertname=~"Cascade.+",alertstate="firing"}', "red",
                             "{{alertname}} {{cascade}}")))
    for title, panels in ROWS:
        made.with_row(row(title))
        for panel in panels():
            made.with_panel(panel)
    return made.build()


if __name__ == "__main__":
    json.dump(build(), sys.stdout, cls=JSONEncoder, indent=1, sort_keys=True)
    print()
