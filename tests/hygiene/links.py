"""Relative links in the Markdown files lead somewhere."""

import re
import sys

from sources import files, report

LINK = re.compile(r"\]\(([^)\s#]+)(#[^)]*)?\)|<img[^>]* src=\"([^\"]+)\"")


def main(root):
    problems, paths = [], files(root, ".md")
    for path in paths:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for match in LINK.finditer(line):
                target = match.group(1) or match.group(3)
                if "://" in target or target.startswith("mailto:"):
                    continue
                if not (path.parent / target).exists():
                    problems.append(f"{path.relative_to(root)}:{number}: no {target}")
    return report("links", problems, len(paths))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
