"""The top level holds the folders that it was given, and files; whatever is new goes into one of them."""

import sys

from sources import files, report

FOLDERS = {"client", "deploy", "docker", "models", "proto", "server", "tests"}


def main(root):
    paths = files(root)
    tops = {path.relative_to(root).parts[0] for path in paths if len(path.relative_to(root).parts) > 1}
    problems = [f"{top}/: not a folder of the top level" for top in sorted(tops - FOLDERS) if not top.startswith(".")]
    return report("layout", problems, len(paths))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
