"""What a run found: a table for people, JSON for machines."""

import json


def short(failure):
    """What fits a line; the whole was printed when it happened."""
    line = " ".join(failure.split())
    return line if len(line) <= 120 else f"{line[:117]}..."


def text(results):
    lines = [f"{'step':<22} {'result':<8} {'s':>5}  found"]
    for result in results:
        found = short(result["failure"]) or ", ".join(f"{key} {value}" for key, value in result["facts"].items())
        lines.append(f"{result['step']:<22} {'ok' if result['ok'] else 'FAILED':<8} {result['seconds']:>5}  {found}")
    return "\n".join(lines)


def write(path, results, node_seconds):
    document = {"node_up_seconds": node_seconds, "steps": results, "ok": all(result["ok"] for result in results)}
    with open(path, "w") as file:
        json.dump(document, file, indent=2)
        file.write("\n")
