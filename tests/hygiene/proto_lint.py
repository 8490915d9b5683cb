"""proto/ passes buf lint (STANDARD and COMMENTS), and is formatted as buf does it."""

import os
import pathlib
import shutil
import subprocess
import sys

from sources import files, report


def find_buf():
    tools = os.environ.get("CASCADE_TEST_TOOLS")
    beside = pathlib.Path(tools) / "bin" / "buf" if tools else None
    return str(beside) if beside and beside.exists() else shutil.which("buf")


def main(root):
    buf = find_buf()
    if not buf:
        print("proto_lint: no buf on this machine (./test installs it), skipped")
        return 77
    problems = []
    for command in (["lint"], ["format", "--diff", "--exit-code"]):
        result = subprocess.run([buf, *command], cwd=pathlib.Path(root) / "proto", capture_output=True, text=True)
        if result.returncode:
            problems.append(f"buf {' '.join(command)}:\n{result.stdout}{result.stderr}")
    return report("proto_lint", problems, len(files(root, ".proto")))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
