#!/usr/bin/env python3
"""Writes models/EXPERIMENTS.md and its plots from results.json.

    models/experiments/report.py [--work FOLDER]

With --work, results.json is first made of what run.py has done there. No figure is typed: all come from results.json; an
experiment without results is left out and named at the end.
"""

import argparse
import pathlib
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "plot"))

import cell as cells  # noqa: E402
import points  # noqa: E402
import results  # noqa: E402
import trainings  # noqa: E402
from section import Chart, cell_text  # noqa: E402
from svg_chart import line_chart  # noqa: E402

REPORT = HERE.parent / "EXPERIMENTS.md"
PLOTS = HERE / "plots"
EMOJI_FIGURES = ("kid_train", "kid_test", "class_found", "precision_train", "recall_train")


def markdown(number, point, found, plots):
    """A section; its charts are put into `plots`. None where nothing of its own was measured."""
    section = point.section(found)
    if not any(found.figures(cell) for cell in points.own_cells(number)):
        return None
    parts = [f"## {number}. {point.TITLE}", f"**Question.** {point.QUESTION}", f"**The paper.** {point.PAPER}"]
    for part in section.parts:
        if isinstance(part, Chart):
            axes = (part.title, part.x_label, part.y_label, part.lines, part.levels, part.log_x, part.log_y)
            plots[PLOTS / f"{part.name}.svg"] = line_chart(*axes)
            parts.append(f"![{part.title}](experiments/plots/{part.name}.svg)")
        else:
            parts.append(part)
    parts += ["\n".join(section.verdicts)] if section.verdicts else []
    notes = HERE / "notes" / f"{number:02}.md"
    is_told = section.verdicts or found.has(point.cells())
    parts += [notes.read_text().strip()] if notes.exists() and is_told else []
    emoji = emoji_table(point, found)
    parts += ["**Emoji** (16 → 32 → 64, 1,000 samples):", emoji] if emoji else []
    wanted = dict.fromkeys([*point.cells(), *point.later()])
    missing = [cell for cell in wanted if not found.figures(cell)]
    if missing:
        parts.append(f"*{len(missing)} of {len(wanted)} cells are still to be drawn.*")
    return "\n\n".join(parts)


def emoji_table(point, found):
    rows = [cell for cell in point.emoji() if found.figures(cell)]
    if not rows:
        return ""
    lines = [
        "| settings | 1000 KID vs train | 1000 KID vs test | class found, % | precision | recall |",
        "|---" * 6 + "|",
    ]
    for cell in rows:
        words = ", ".join(f"{key} {value}" for key, value in cell.options) + (
            f", judged at {cell.stage}" if cell.stage else ""
        )
        lines.append(f"| {words} | {' | '.join(cell_text(found, cell, figure) for figure in EMOJI_FIGURES)} |")
    return "\n".join(lines)


def training_table(found):
    lines = [
        "| training | steps | images | parameters | MFLOPs a step and image | TFLOPs in all | last loss |",
        "|---" * 7 + "|",
    ]
    for name, told in found.trainings.items():
        flops = found.cost(name) / 1e12
        loss = "" if told["loss"] is None else f"{told['loss']:.4f}"
        lines.append(
            f"| `{name}` | {told['steps']:,} | {told['images']:,} | {told['parameters']:,} | {told['flops_per_step'] / 1e6:.1f} "
            f"| {flops:.1f} | {loss} |"
        )
    return "\n".join(lines)


def beginning(found):
    both, whole = found.cost("base", "sr"), found.cost("whole")
    ratio = f" Here the ratio is {whole / both:.2f}." if both and whole else ""
    hours = sum(told["seconds"] for told in found.cells.values()) / 3600
    return (
        (HERE / "beginning.txt")
        .read_text()
        .strip()
        .format(
            digits=f"{cells.DIGITS:,}",
            ratio=ratio,
            precision=" and ".join(sorted({told["precision"] for told in found.trainings.values()})),
            training_table=training_table(found),
            cells=len(found.cells),
            all=len(points.queue(emoji=True)),
            hours=f"{hours:.1f}",
            trainings=len(trainings.TRAININGS),
        )
    )


def write(found):
    """What the report's files are to hold, by path, and which experiments are missing."""
    parts, missing, written = [beginning(found)], [], {}
    for number, point in points.POINTS.items():
        text = markdown(number, point, found, written)
        if text is None:
            missing.append(f"{number} ({point.TITLE.lower()})")
        else:
            parts.append(text)
    if missing:
        parts.append("## Still to be drawn\n\nExperiments " + ", ".join(missing) + ".")
    return {REPORT: "\n\n".join(parts) + "\n", **written}, missing


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--work", type=pathlib.Path, help="the work folder that run.py was given")
    parser.add_argument("--scale", choices=["full", "small"], default="full")
    parser.add_argument("--check", action="store_true", help="write nothing: is what is there what results.json says?")
    arguments = parser.parse_args()
    if arguments.work:
        results.collect(arguments.work / arguments.scale)
    files, missing = write(results.Results.load())
    there = [REPORT, *sorted(PLOTS.glob("*.svg"))]
    if arguments.check:
        stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
        stale += [path for path in there if path not in files]
        for path in stale:
            print(f"{path.relative_to(REPORT.parents[1])}: is not what models/experiments/report.py writes")
        sys.exit(1 if stale else 0)
    PLOTS.mkdir(exist_ok=True)
    for path in there:
        path.unlink(missing_ok=True)
    for path, text in files.items():
        path.write_text(text)
    done = len(points.POINTS) - len(missing)
    print(f"{REPORT}: {done} of {len(points.POINTS)} experiments; missing: {', '.join(missing) or 'none'}")


if __name__ == "__main__":
    main()
