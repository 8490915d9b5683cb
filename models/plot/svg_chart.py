"""Charts as SVG files: what models/training/plot_log.py and models/experiments/report.py draw.

A chart lies on white, so that it reads the same on a light and on a dark page. Colours are told apart by the colour-blind
as well (Okabe and Ito), lines by their marks, too. Needs Python's standard library.
"""

import html
import math

TEXT, AXIS, GREY = "#3d444d", "#d0d7de", "#c4ccd4"
COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#a06a00", "#56b4e9")
LEFT, RIGHT, TOP, BOTTOM, LEGEND = 62, 16, 34, 46, 17


def short(number):
    """As an axis shows it: 1.2k, 300, 0.05."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if number >= size:
            return f"{number / size:g}{unit}"
    return f"{number:.6g}"


class Axis:
    """From values to pixels, with round ticks. A linear axis shows its zero where the values are near it."""

    def __init__(self, low, high, begin, end, log=False):
        self.log, self.begin, self.end = log, begin, end
        if log:
            self.low, self.high = low, max(high, 1.001 * low)
            self.ticks = next((t for t in map(self.log_ticks, ((1, 2, 5), range(1, 10))) if len(t) > 1), [low, high])
        else:
            low = 0 if 0 <= low < 0.5 * high else low
            step = self.step((high - low) or abs(high) or 1)
            self.low, self.high = math.floor(low / step + 1e-9) * step, math.ceil(high / step - 1e-9) * step
            self.high = self.high if self.high > self.low else self.low + step
            count = round((self.high - self.low) / step)
            self.ticks = [self.low + i * step for i in range(count + 1)]

    @staticmethod
    def step(length):
        """1, 2 or 5 times a power of ten, at most eight of them in the length."""
        power = 10.0 ** math.floor(math.log10(length / 8))
        return next(m * power for m in (1, 2, 5, 10) if m * power >= length / 8)

    def log_ticks(self, multiples):
        """These multiples of powers of ten within the limits."""
        first = math.floor(math.log10(self.low))
        powers = [10.0**p for p in range(first, first + 12)]
        return [m * p for p in powers for m in multiples if self.low <= m * p <= self.high]

    def at(self, value):
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.begin + share * (self.end - self.begin)


def text(x, y, what, anchor="middle", more=""):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{html.escape(what)}</text>'


def polyline(points, color, width, more=""):
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="{width}"{more}/>'


def mark(shape, x, y, color):
    if shape % 3 == 0:
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.2" fill="{color}"/>'
    if shape % 3 == 1:
        return f'<rect x="{x - 3:.1f}" y="{y - 3:.1f}" width="6" height="6" fill="{color}"/>'
    return f'<path d="M{x:.1f} {y - 4:.1f}l4 7h-8z" fill="{color}"/>'


def grid(x, y):
    """Both axes with their ticks."""
    parts = []
    for tick in y.ticks:
        parts.append(f'<path d="M{x.begin:.1f} {y.at(tick):.1f}H{x.end:.1f}" stroke="{AXIS}"/>')
        parts.append(text(x.begin - 6, y.at(tick) + 4, short(tick), "end"))
    for tick in x.ticks:
        parts.append(f'<path d="M{x.at(tick):.1f} {y.begin:.1f}v4" stroke="{TEXT}"/>')
        parts.append(text(x.at(tick), y.begin + 16, short(tick)))
    parts.append(f'<path d="M{x.begin:.1f} {y.begin:.1f}H{x.end:.1f}" stroke="{TEXT}"/>')
    return parts


def document(width, height, parts):
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="sans-serif" font-size="11" fill="{TEXT}">\n<rect width="100%" height="100%" fill="white"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def line_chart(title, x_label, y_label, lines, levels=(), log_x=False, log_y=False, width=520, height=320):
    """A whole SVG file.

    lines: (name, [(x, y, error)], joined); levels: (name, y), drawn as dashed horizontals. A logarithmic x axis is for a
    few numbers (of steps), and shows those.
    """
    points = [point for _, some, _ in lines for point in some]
    ys = [value for _, y, error in points for value in (y - error, y + error)] + [y for _, y in levels]
    top = TOP + LEGEND * (len(lines) + len(levels) if len(lines) + len(levels) > 1 else 0)
    x = Axis(min(p[0] for p in points), max(p[0] for p in points), LEFT, width - RIGHT, log_x)
    if log_x:
        x.ticks = sorted({point[0] for point in points})
    lowest, highest = (min(ys) / 1.05, max(ys) * 1.05) if log_y else (min(ys), max(ys))
    y = Axis(lowest, highest, height - BOTTOM, top, log_y)
    middle = (y.begin + y.end) / 2
    parts = [text(LEFT, 20, title, "start", ' font-size="13" font-weight="bold"'), *grid(x, y)]
    parts.append(text((x.begin + x.end) / 2, height - 10, x_label))
    parts.append(text(14, middle, y_label, more=f' transform="rotate(-90 14 {middle:.1f})"'))
    for number, (name, some, joined) in enumerate(lines):
        color = COLORS[number % len(COLORS)]
        placed = [(x.at(a), y.at(b)) for a, b, _ in some]
        if joined:
            parts.append(polyline(placed, color, 1.8))
        for (at_x, at_y), (_, b, error) in zip(placed, some):
            if error:
                parts.append(f'<path d="M{at_x:.1f} {y.at(b - error):.1f}V{y.at(b + error):.1f}" stroke="{color}"/>')
            parts.append(mark(number, at_x, at_y, color))
        if len(lines) + len(levels) > 1:
            at_y = TOP + LEGEND * number
            parts += [mark(number, LEFT + 10, at_y - 4, color), text(LEFT + 24, at_y, name, "start")]
    for number, (name, value) in enumerate(levels, len(lines)):
        color, at_y = COLORS[number % len(COLORS)], TOP + LEGEND * number
        parts.append(polyline([(x.begin, y.at(value)), (x.end, y.at(value))], color, 1.4, ' stroke-dasharray="6 4"'))
        dash = [(LEFT, at_y - 4), (LEFT + 20, at_y - 4)]
        parts += [polyline(dash, color, 1.4, ' stroke-dasharray="6 4"'), text(LEFT + 24, at_y, name, "start")]
    return document(width, height, parts)
