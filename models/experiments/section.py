"""What a section of the report is made of: tables, charts, and verdicts that are worked out from the figures."""

import dataclasses

COLUMNS = {
    "fid_train": ("FID vs train", "{:.4f}"),
    "fid_test": ("FID vs test", "{:.4f}"),
    "inception_score": ("IS", "{:.3f}"),
    "class_found": ("class found, %", "{:.2f}"),
    "cas_top1": ("CAS, %", "{:.2f}"),
    "precision_train": ("precision", "{:.3f}"),
    "recall_train": ("recall", "{:.3f}"),
    "kid_train": ("1000 KID vs train", "{:.2f}"),
    "kid_test": ("1000 KID vs test", "{:.2f}"),
}
FACTORS = {"class_found": 100, "cas_top1": 100, "kid_train": 1000, "kid_test": 1000}


@dataclasses.dataclass
class Chart:
    name: str  # Of the SVG file.
    title: str
    x_label: str
    y_label: str
    lines: list  # (name, [(x, y, error)], joined)
    levels: list  # (name, y): horizontal
    log_x: bool = False
    log_y: bool = False


class Section:
    """Of one experiment. A claim is judged by its figures alone."""

    def __init__(self, results):
        self.results = results
        self.parts = []  # Markdown, and Charts.
        self.verdicts = []

    def add(self, markdown):
        if markdown:
            self.parts.append(markdown)

    def chart(self, name, title, x_label, y_label, lines, levels=(), **axes):
        lines = [line for line in lines if line and line[1]]
        if lines:
            levels = [(text, y) for text, y in levels if y is not None]
            self.parts.append(Chart(name, title, x_label, y_label, lines, levels, **axes))

    def verdict(self, agrees, claim, words):
        """`agrees`: None where it cannot be told."""
        name = {True: "Agrees", False: "Does not agree", None: "Cannot be told"}[agrees]
        self.verdicts.append(f"- **{name}**: {claim} ({words}).")

    def compare(self, claim, less, more, names):
        """The verdict on a claim that FID against train of the cell `less` is the smaller one."""
        values = [self.results.mean(cell, "fid_train") for cell in (less, more)]
        if None in values:
            return
        words = f"{names[0]} {values[0]:.4f}, {names[1]} {values[1]:.4f}; {self.results.gap_words(less, more)}"
        self.verdict(self.results.is_less(less, more), claim, words)


def cell_text(results, cell, figure):
    """Mean of the seeds, and half of what they differ by; "" if it was not measured."""
    if figure.startswith("cas"):
        cell = cell.other(metrics="cas")
    mean, half = results.mean(cell, figure), results.half_difference(cell, figure)
    if mean is None:
        return ""
    form, factor = COLUMNS[figure][1], FACTORS.get(figure, 1)
    text = form.format(factor * mean)
    return text if half is None else f"{text} ± {form.format(factor * half)}"


def table(results, rows, figures, first=""):
    """Markdown; rows are (name, cell), and those without figures are left out, as are columns."""
    lines = [(name, [cell_text(results, cell, figure) for figure in figures]) for name, cell in rows]
    lines = [(name, texts) for name, texts in lines if any(texts)]
    if not lines:
        return ""
    kept = [i for i in range(len(figures)) if any(texts[i] for _, texts in lines)]
    header = [first, *(COLUMNS[figures[i]][0] for i in kept)]
    text = [f"| {' | '.join(header)} |", "|" + "---|" * len(header)]
    text += [f"| {name} | {' | '.join(texts[i] for i in kept)} |" for name, texts in lines]
    return "\n".join(text)


def series(results, name, points, figure, line=True):
    """A line of a chart: points are (x, cell)."""
    found = [
        (x, results.mean(cell, figure), results.half_difference(cell, figure)) for x, cell in points if x is not None
    ]
    return name, [(x, y, error or 0) for x, y, error in found if y is not None], line


def best(results, points, figure):
    """(x, figure) of the least; None where nothing was measured."""
    found = [(x, results.mean(cell, figure)) for x, cell in points]
    found = [(x, y) for x, y in found if y is not None]
    return min(found, key=lambda pair: pair[1]) if found else None
