#!/usr/bin/env python3
"""Measures the server on the digits over loopback, and writes the figures into tests/bench/README.md.

    tests/bench/report.py [--only NAME ...] [--quick]

Needs the release binaries (./test --quick builds them) and an idle machine; takes about half an hour. Each figure's
ratios come from one run. --quick takes a few seconds a figure, prints instead of writing, and its figures mean nothing.
"""

import argparse
import datetime
import os
import pathlib
import re
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "e2e"))
os.environ.setdefault("CASCADE_TEST_TOOLS", str(pathlib.Path.home() / ".cache" / "cascade" / "test-tools-2"))

import workbench  # noqa: E402
from figures import (cancels, memory, mixed_load, overhead, overlap, overload, replace, same_bytes,  # noqa: E402
                     throughput)
from harness import require_grpc, require_package  # noqa: E402

FIGURES = {"throughput": throughput, "overhead": overhead, "overlap": overlap, "mixed_load": mixed_load,
           "overload": overload, "cancels": cancels, "same_bytes": same_bytes, "memory": memory, "replace": replace}
README = HERE / "README.md"
VERDICTS = {True: " (goal met)", False: " (**goal missed**)", None: ""}


def markdown(figure, commands, conditions):
    lines = [f"### {figure.title}", "", f"Goal: {figure.goal}", ""]
    if figure.rows:
        lines += ["| " + " | ".join(figure.header) + " |", "|" + "---|" * len(figure.header)]
        lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in figure.rows] + [""]
    lines += [f"- {what}: **{text}**{VERDICTS[met]}" for what, text, met in figure.ratios] + [""]
    if figure.note:
        lines += [figure.note, ""]
    return "\n".join(lines + ["```", *commands, "```", "", conditions, ""])


def conditions():
    with workbench.Server() as server:
        build = workbench.build(server)
    return (f"{workbench.device()}; {build}; revision {workbench.revision()}; "
            f"{datetime.date.today().isoformat()}.")


def write(name, section):
    """Puts a section between its marks in the README."""
    begin, end = f"<!-- figure {name} -->", f"<!-- end of {name} -->"
    text = README.read_text()
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise SystemExit(f"{README} has no place for {name}: {begin} ... {end}")
    README.write_text(pattern.sub(lambda _: f"{begin}\n{section}{end}", text))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", choices=FIGURES, help="this figure; repeatable")
    parser.add_argument("--quick", action="store_true", help="a few seconds each, printed and not written")
    arguments = parser.parse_args()
    require_package()
    require_grpc()
    where = conditions()
    remarks = []
    for name in arguments.only or FIGURES:
        print(f"== {name}", file=sys.stderr, flush=True)
        bench = workbench.Workbench(arguments.quick)
        try:
            figure = FIGURES[name].measure(bench)
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            remarks.append(f"failed: {name}: {error}")
            continue
        section = markdown(figure, bench.commands, where)
        print(section, flush=True)
        remarks += [f"missed: {name}: {what} {text}" for what, text, met in figure.ratios if met is False]
        if not arguments.quick:
            write(name, section)
    for remark in remarks:
        print(remark, file=sys.stderr)
    return 1 if any(remark.startswith("failed") for remark in remarks) else 0


if __name__ == "__main__":
    sys.exit(main())
