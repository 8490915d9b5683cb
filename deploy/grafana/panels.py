"""How panels and queries look, whatever they show."""

import itertools

from grafana_foundation_sdk.builders import common, dashboard, heatmap, prometheus, stat, table, timeseries
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

SOURCE = common_model.DataSourceRef(type_val="prometheus", uid="${datasource}")
WIDTH = 24  # Of the grid.

# What the variables choose, for metrics of the server, of a cascade, of a stage.
SERVER = 'job=~"$job",instance=~"$pod"'
CASCADE = f'{SERVER},cascade=~"$cascade"'
STAGE = f'{CASCADE},stage=~"$stage"'
# A pod's name where Kubernetes gives one; a plain scrape has the address only.
POD = "{{pod}} {{instance}}"
OF_STAGE = "{{cascade}} {{stage}}"

_ids = itertools.count(1)


def rate(metric, labels, by=""):
    """Per second, summed."""
    return summed(f"rate({metric}{{{labels}}}[$__rate_interval])", by)


def summed(expression, by=""):
    return f"sum by ({by}) ({expression})" if by else f"sum({expression})"


def quantile(share, metric, labels, by=""):
    groups = f"le, {by}" if by else "le"
    return f"histogram_quantile({share}, {rate(metric + '_bucket', labels, groups)})"


def quantiles(metric, labels, *shares):
    """(query, legend) of the whole, for each share."""
    return [(quantile(share, metric, labels), f"p{share * 100:g}") for share in shares]


def _target(expression, legend, letter):
    return prometheus.Dataquery().expr(expression).legend_format(legend).ref_id(letter).datasource(SOURCE)


def _letters():
    return map(chr, itertools.count(ord("A")))


def _thresholds(levels):
    """Green, and from each (value, colour) on that one."""
    steps = [model.Threshold(value=None, color="green"), *(model.Threshold(value=v, color=c) for v, c in levels)]
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _frame(panel, title, description, width, height):
    return (panel.id(next(_ids)).title(title).description(description).datasource(SOURCE)
            .span(width).height(height))


def number(title, description, unit, query, *, levels=(), mapping=None):
    """One figure, with its course behind it."""
    panel = _frame(stat.Panel(), title, description, 4, 4).unit(unit)
    panel.with_target(_target(query, title, "A").range())
    panel.thresholds(_thresholds(levels)).color_mode(common_model.BigValueColorMode.VALUE)
    panel.graph_mode(common_model.BigValueGraphMode.AREA)
    panel.reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
    if mapping:
        panel.mappings([mapping])
    return panel


def chart(title, description, unit, queries, *, width=8, stacked=False, levels=(), dashed="", colours=(), high=None):
    """Lines over time. `levels` are drawn as lines, series that match `dashed` are dashed."""
    panel = _frame(timeseries.Panel(), title, description, width, 8).unit(unit).min(0)
    for letter, (expression, legend) in zip(_letters(), queries):
        panel.with_target(_target(expression, legend, letter).range())
    panel.fill_opacity(30 if stacked else 8).show_points(common_model.VisibilityMode.NEVER).line_width(1)
    panel.tooltip(common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI)
                  .sort(common_model.SortOrder.DESCENDING))
    panel.legend(common.VizLegendOptions().show_legend(True).display_mode(common_model.LegendDisplayMode.TABLE)
                 .placement(common_model.LegendPlacement.BOTTOM).calcs(["lastNotNull", "max"]))
    if stacked:
        panel.stacking(common.StackingConfig().mode(common_model.StackingMode.NORMAL).group("A"))
    if levels:
        panel.thresholds(_thresholds(levels)).thresholds_style(
            common.GraphThresholdsStyleConfig().mode(common_model.GraphThresholdsStyleMode.DASHED))
    if high is not None:
        panel.max(high)
    if dashed:
        panel.override_by_regexp(dashed, [
            model.DynamicConfigValue("custom.lineStyle", {"fill": "dash", "dash": [8, 6]}),
            model.DynamicConfigValue("custom.fillOpacity", 0)])
    for name, colour in colours:
        panel.override_by_name(name, [model.DynamicConfigValue("color", {"mode": "fixed", "fixedColor": colour})])
    return panel


def _cells(title, description, unit, width):
    colour = heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges").steps(64).exponent(0.5)
    return (_frame(heatmap.Panel(), title, description, width, 8).calculate(False).color(colour)
            .y_axis(heatmap.YAxisConfig().unit(unit).axis_placement(common_model.AxisPlacement.LEFT))
            .cell_gap(1).tooltip(heatmap.HeatmapTooltip().mode(common_model.TooltipDisplayMode.SINGLE)
                                 .y_histogram(True)))


def histogram_map(title, description, unit, metric, labels, *, width=8):
    """How often each bucket of a histogram was hit."""
    query = _target(rate(metric + "_bucket", labels, "le"), "{{le}}", "A").range()
    return _cells(title, description, unit, width).with_target(query.format(PromQueryFormat.HEATMAP))


def series_map(title, description, unit, queries, *, width=8):
    """A row of cells for each query, from bottom to top."""
    panel = _cells(title, description, unit, width)
    for letter, (expression, legend) in zip(_letters(), queries):
        panel.with_target(_target(expression, legend, letter).range())
    return panel


def listing(title, description, query, columns, *, width=8):
    """The series of now as a table. `columns`: (label or "Value", heading); the rest is left out."""
    panel = _frame(table.Panel(), title, description, width, 8)
    panel.with_target(_target(query, "", "A").instant().format(PromQueryFormat.TABLE))
    names = [name for name, _ in columns]
    panel.with_transformation(model.DataTransformerConfig(
        id_val="filterFieldsByName", options={"include": {"names": names}}))
    panel.with_transformation(model.DataTransformerConfig(
        id_val="organize", options={"renameByName": dict(columns), "excludeByName": {},
                                    "indexByName": {name: index for index, name in enumerate(names)}}))
    return panel


def row(title):
    return dashboard.Row(title).id(next(_ids))
