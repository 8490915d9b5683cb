"""Words that mark unfinished or careless work: sleeps, leftovers, paths of one machine."""

import re
import sys

from sources import files, report

CODE = (".h", ".cc", ".cu", ".proto", ".py", ".sh", ".cmake", "CMakeLists.txt", "serve", "test", "run")
RULES = [
    (re.compile(r"sleep_for|SleepFor|usleep|time\.sleep|\bsleep +[0-9]"), "a sleep: wait for a condition"),
    (re.compile(r"\b(TODO|FIXME|XXX|HACK)\b|not implemented yet|\bdummy\b"), "unfinished work"),
    (re.compile(r"(^|[^A-Za-z.~$\}])/(home|root|work)/"), "a path of one machine"),
    (re.compile(r"\bstd::(mutex|condition_variable)\b"), "use server/base/mutex.h: annotated, visible to TSan"),
    (re.compile(r"thread\w*\.detach\(\)"), "a detached thread"),
    (re.compile(r"\busing namespace\b(?! std::chrono_literals)"), "using namespace"),
]
# Files that the rule does not bind, with the reason.
EXEMPT = {
    "tests/hygiene/words.py": "names the words",
    "server/base/mutex.h": "the wrapper itself",
    "tests/bench/timed_server.cc": "its steps are time and nothing else",
}


def main(root):
    problems, checked = [], 0
    for path in files(root):
        name = str(path.relative_to(root))
        if not path.name.endswith(CODE) or name in EXEMPT:
            continue
        checked += 1
        for number, line in enumerate(path.read_text().splitlines(), 1):
            for pattern, why in RULES:
                if pattern.search(line):
                    problems.append(f"{name}:{number}: {why}: {line.strip()}")
    return report("words", problems, checked)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
