"""Draws panels of a Grafana dashboard with matplotlib, much as Grafana would. Not a test: see draw_dashboard.py."""

import math

import matplotlib.pyplot as plt

PAGE, PANEL, TEXT, FAINT = "#111217", "#181b1f", "#ccccdc", "#3a3f47"
PALETTE = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0", "#37872d", "#fade2a"]
NAMED = {"green": "#73bf69", "blue": "#5794f2", "yellow": "#f2cc0c", "orange": "#ff9830", "purple": "#b877d9",
         "red": "#f2495c"}
LEGEND_LINES = 6


def number(value, unit):
    """With its unit, in three digits."""
    if not math.isfinite(value):
        return "–"
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "s":
        for limit, factor, name in ((1e-3, 1e6, "µs"), (1, 1e3, "ms"), (100, 1, "s"), (6000, 1 / 60, "min")):
            if abs(value) < limit:
                return f"{value * factor:.3g} {name}" if value else "0 s"
        return f"{value / 3600:.3g} h"
    if unit == "bytes":
        for name in ("B", "KiB", "MiB"):
            if abs(value) < 1024:
                return f"{value:.3g} {name}"
            value /= 1024
        return f"{value:.3g} GiB"
    suffix = {"reqps": " req/s", "short": ""}.get(unit, f" {unit}")
    return (f"{value / 1000:.3g} K" if abs(value) >= 10000 else f"{value:.4g}") + suffix


def panel(figure, box, board_panel, results):
    """`results`: for each query its [(legend, [(time, value)])]; of a table its [(labels, value)]."""
    frame = figure.add_axes(box, facecolor=PANEL, xticks=[], yticks=[])
    for spine in frame.spines.values():
        spine.set_color(FAINT)
    left, bottom, width, height = box
    page = figure.get_size_inches() * figure.dpi
    at = figure.text(left + 8 / page[0], bottom + height - 17 / page[1], board_panel["title"], color=TEXT, size=8.5,
                     weight="bold")
    at.set_clip_on(True)
    draw = {"stat": _number, "timeseries": _lines, "heatmap": _cells, "table": _table}[board_panel["type"]]
    draw(figure, (left, bottom, width, height), page, board_panel, results)


def _unit(board_panel):
    return (board_panel["fieldConfig"]["defaults"].get("unit")
            or board_panel["options"].get("yAxis", {}).get("unit", "short"))


def _axes(figure, box, page, *, legend_lines=0, left=58):
    x, y, width, height = box
    below = (24 + 14 * legend_lines) / page[1]
    inner = (x + left / page[0], y + below, width - (left + 12) / page[0], height - below - 28 / page[1])
    axes = figure.add_axes(inner, facecolor=PANEL)
    axes.tick_params(colors=TEXT, labelsize=7, length=0)
    axes.grid(color=FAINT, linewidth=0.4)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return axes


def _thresholds(board_panel):
    steps = board_panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
    return [(step["value"], NAMED[step["color"]]) for step in steps if step.get("value") is not None]


def _number(figure, box, page, board_panel, results):
    series = results[0][0][1] if results[0] else []
    value = next((value for _, value in reversed(series) if math.isfinite(value)), math.nan)
    colour = ([NAMED["green"]] + [tone for limit, tone in _thresholds(board_panel) if value >= limit])[-1]
    x, y, width, height = box
    figure.text(x + width / 2, y + height * 0.42, number(value, _unit(board_panel)), color=colour, size=20, ha="center",
                va="center", weight="bold")
    spark = figure.add_axes((x + 4 / page[0], y + 2 / page[1], width - 8 / page[0], height * 0.25), facecolor=PANEL)
    spark.axis("off")
    points = [value if math.isfinite(value) else math.nan for _, value in series]
    spark.fill_between(range(len(points)), points, color=colour, alpha=0.2, linewidth=0)
    spark.plot(points, color=colour, linewidth=0.8)
    spark.set_ylim(bottom=0)


def _lines(figure, box, page, board_panel, results):
    unit, defaults = _unit(board_panel), board_panel["fieldConfig"]["defaults"]
    stacked = defaults["custom"].get("stacking", {}).get("mode") == "normal"
    series = [one for result in results for one in result]
    axes = _axes(figure, box, page, legend_lines=min(len(series), LEGEND_LINES))
    fixed = {override["matcher"]["options"]: NAMED[one["value"]["fixedColor"]]
             for override in board_panel["fieldConfig"]["overrides"] for one in override["properties"]
             if one["id"] == "color"}
    floor = {}
    for index, (legend, points) in enumerate(series):
        colour = fixed.get(legend, PALETTE[index % len(PALETTE)])
        times = [time for time, _ in points]
        values = [value if math.isfinite(value) else math.nan for _, value in points]
        if stacked:
            values = [0 if math.isnan(value) else value for value in values]
            under = [floor.get(time, 0) for time in times]
            over = [low + value for low, value in zip(under, values)]
            axes.fill_between(times, under, over, color=colour, alpha=0.3, linewidth=0)
            floor |= dict(zip(times, over))
            axes.plot(times, over, color=colour, linewidth=1)
        else:
            dashes = (0, (5, 3)) if legend.endswith(" aim") else "-"
            axes.plot(times, values, color=colour, linewidth=1, linestyle=dashes)
        _legend_line(figure, box, page, index, min(len(series), LEGEND_LINES), colour, legend, points, unit)
    top = defaults.get("max") or axes.get_ylim()[1]
    axes.set_ylim(0, top * 1.02 if top > 0 else 1)
    for limit, colour in _thresholds(board_panel):
        if limit <= axes.get_ylim()[1]:
            axes.axhline(limit, color=colour, linewidth=0.8, linestyle="--")
    _scales(axes, unit)


def _legend_line(figure, box, page, index, shown, colour, legend, points, unit):
    if index >= LEGEND_LINES:
        return
    x, y = box[0], box[1] + (6 + 14 * (shown - 1 - index)) / page[1]
    last = next((value for _, value in reversed(points) if math.isfinite(value)), math.nan)
    figure.text(x + 10 / page[0], y, "━", color=colour, size=8)
    figure.text(x + 26 / page[0], y, legend[:52], color=TEXT, size=7)
    figure.text(x + box[2] - 10 / page[0], y, number(last, unit), color=TEXT, size=7, ha="right")


def _scales(axes, unit):
    ticks = axes.get_yticks()
    ticks = [tick for tick in ticks if tick <= axes.get_ylim()[1] * 1.001][:: 2 if len(ticks) > 7 else 1]
    known = unit if unit in ("s", "bytes", "percentunit") else "short"  # Others are long, and in the legend.
    axes.set_yticks(ticks, [number(tick, known) for tick in ticks])
    _time_marks(axes)


def _time_marks(axes):
    low, high = axes.get_xlim()
    every = next(step for step in (5, 15, 30, 60, 120, 300, 900, 3600) if step * 5 >= high - low or step == 3600)
    ago = range(every, int(high - low), every)
    axes.set_xticks([high - seconds for seconds in ago], [f"−{seconds / 60:g} min" for seconds in ago])


def _cells(figure, box, page, board_panel, results):
    rows = _buckets(board_panel, results)
    axes = _axes(figure, box, page)
    times = [time for time, _ in rows[0][1]]
    values = [[value if math.isfinite(value) and value > 0 else math.nan for _, value in points] for _, points in rows]
    axes.pcolormesh(times, range(len(rows)), values, cmap="YlOrBr_r", shading="nearest",
                    norm=plt.matplotlib.colors.PowerNorm(0.5))
    axes.grid(False)
    named = range(0, len(rows), 2)
    axes.set_yticks(named, [_bucket(rows[index][0], _unit(board_panel)) for index in named])
    _time_marks(axes)


def _bucket(name, unit):
    return name if unit == "short" else "more" if name == "+Inf" else number(float(name), unit)


def _buckets(board_panel, results):
    """Rows from bottom to top; of a histogram what each bucket has beyond the one below, as Grafana does it."""
    rows = [one for result in results for one in result]
    if board_panel["targets"][0].get("format") != "heatmap":
        return rows
    rows.sort(key=lambda row: float(row[0]))
    apart, below = [], {}
    for name, points in rows:
        apart.append((name, [(time, value - below.get(time, 0)) for time, value in points]))
        below = dict(points)
    return apart


def _table(figure, box, page, board_panel, results):
    shown = board_panel["transformations"][1]["options"]
    columns = sorted(shown["renameByName"], key=shown["indexByName"].get)
    x, y, width, height = box
    rows = [labels | {"Value": f"{value:g}"} for labels, value in results[0]]
    for row, cells in enumerate([shown["renameByName"], *rows]):
        for index, column in enumerate(columns):
            figure.text(x + (12 + index * (width * page[0] - 24) / len(columns)) / page[0],
                        y + height - (44 + 18 * row) / page[1], str(cells.get(column, ""))[:40], size=8,
                        color=NAMED["blue"] if row == 0 else TEXT)
