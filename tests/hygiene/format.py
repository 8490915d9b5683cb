"""C++ is formatted as .clang-format says."""

import shutil
import subprocess
import sys

from sources import files, report


def main(root):
    if not shutil.which("clang-format"):
        print("format: no clang-format on this machine, skipped")
        return 77
    paths = files(root, ".h", ".cc", ".cu")
    result = subprocess.run(["clang-format", "--dry-run", "-Werror", *map(str, paths)], cwd=root, capture_output=True,
                            text=True)
    problems = [line for line in result.stderr.splitlines() if "error:" in line]
    if result.returncode and not problems:
        problems = [result.stderr]
    return report("format", problems, len(paths))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
