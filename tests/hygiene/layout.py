"""The top level holds the folders that it was given, and files; whatever is new goes into one of them.

A script that names its interpreter can be run, as the READMEs run it.
"""

import os
import sys

from sources import files, report

FOLDERS = {"client", "deploy", "docker", "models", "proto", "server", "tests"}


def main(root):
    paths = files(root)
    tops = {path.relative_to(root).parts[0] for path in paths if len(path.relative_to(root).parts) > 1}
    problems = [f"{top}/: not a folder of the top level" for top in sorted(tops - FOLDERS) if not top.startswith(".")]
    for path in paths:
        with path.open("rb") as file:
            is_script = file.read(3) == b"#!/"
        if is_script and not os.access(path, os.X_OK):
            problems.append(f"{path.relative_to(root)}: begins with #!, and is not executable")
    return report("layout", problems, len(paths))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
