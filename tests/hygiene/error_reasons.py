"""Every reason of server/base/error_reason.h is documented for clients in a .proto, and given by the server."""

import re
import sys

from sources import files, report

HEADER = "server/base/error_reason.h"
REASON = re.compile(r'constexpr std::string_view (k\w+) =\s*"(\w+)";')


def main(root):
    texts = {str(path.relative_to(root)): path.read_text() for path in files(root, ".h", ".cc", ".proto")}
    protos = "\n".join(text for name, text in texts.items() if name.endswith(".proto"))
    server = "\n".join(text for name, text in texts.items() if name.startswith("server/") and name != HEADER)
    reasons = REASON.findall(texts[HEADER])
    problems = []
    for constant, reason in reasons:
        if f"`{reason}`" not in protos:
            problems.append(f"{HEADER}: {reason} is in no .proto")
        if not re.search(rf"\b{constant}\b", server):
            problems.append(f"{HEADER}: {constant} is not used in server/")
    return report("error_reasons", problems, len(reasons))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
