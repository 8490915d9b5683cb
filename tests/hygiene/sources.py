"""The project's own files, as git knows them."""

import pathlib
import subprocess


def files(root, *suffixes):
    """Tracked and new files below `root` that end in one of `suffixes` (all, when none is given)."""
    listed = subprocess.run(
        ["git", "-C", root, "ls-files", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True, text=True).stdout.splitlines()
    paths = (pathlib.Path(root) / name for name in listed)
    return sorted(p for p in paths if p.is_file() and (not suffixes or p.name.endswith(suffixes)))


def report(name, problems, checked):
    """Prints the problems and returns the exit status."""
    for problem in problems:
        print(problem)
    print(f"{name}: {checked} files, {len(problems)} problems")
    if checked == 0:
        print("nothing was checked, which is a failure of its own")
    return 1 if problems or checked == 0 else 0
