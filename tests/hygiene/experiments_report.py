"""models/EXPERIMENTS.md and its plots are what models/experiments/report.py makes of results.json: no figure was typed."""

import pathlib
import subprocess
import sys

from sources import report


def main(root):
    script = pathlib.Path(root) / "models" / "experiments" / "report.py"
    result = subprocess.run([sys.executable, "-B", script, "--check"], capture_output=True, text=True)
    problems = (result.stdout + result.stderr).splitlines()
    if result.returncode and not problems:
        problems = [f"{script} ended with {result.returncode}"]
    return report("experiments_report", problems, 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
