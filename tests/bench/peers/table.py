"""Markdown of what was measured."""

import statistics

COLUMNS = {"cascade": "Cascade", "eager": "PyTorch", "compile": "torch.compile", "openvino": "OpenVINO",
           "onnxruntime": "ONNX Runtime"}
MARKS = {"channels_last": "cl", "max-autotune": "ma"}
SHARE = ("in brackets the share of the GEMM rate that the networks' operations make of it. cl: in the channels-last "
         "format, the better of the two; ma: with max-autotune.")
TITLES = {"step": "A step of {}", "cascade": "The whole cascade {}"}
LEGENDS = {"step": f"Milliseconds of a step, median; {SHARE}",
           "cascade": f"Milliseconds until a batch is drawn, from noise to pixels in memory, median; {SHARE}"}


def median(result):
    return statistics.median(result["seconds"]) if result.get("seconds") and "error" not in result else None


def best(engines, kind):
    """The name and the median of the fastest way to run an engine."""
    timed = {name: median(result) for name, result in engines.items() if name.split("/")[0] == kind}
    timed = {name: seconds for name, seconds in timed.items() if seconds is not None}
    name = min(timed, key=timed.get, default=None)
    return (name, timed[name]) if name else (None, None)


def gemm_rate(engines):
    """Operations a second."""
    seconds = median(engines.get("gemm", {}))
    return engines["gemm"]["flops"] / seconds if seconds else None


def milliseconds(seconds):
    """Three digits, or the whole number."""
    return f"{seconds * 1e3:.0f}" if seconds >= 0.1 else f"{seconds * 1e3:.3g}"


def engine_text(engines, kind, flops, rate):
    name, seconds = best(engines, kind)
    if name is None:
        return "-"
    share = f" ({flops / seconds / rate:.0%})".replace("%", " %") if rate else ""
    marks = "".join(f" {MARKS[part]}" for part in name.split("/")[1:] if part in MARKS)
    return f"{milliseconds(seconds)}{share}{marks}"


def row(cell, flops_an_image):
    engines = cell["engines"]
    rate = gemm_rate(engines)
    flops = flops_an_image * cell["batch"]
    texts = [engine_text(engines, kind, flops, rate) for kind in COLUMNS]
    _, ours = best(engines, "cascade")
    peers = [seconds for kind in COLUMNS if kind != "cascade" for _, seconds in [best(engines, kind)] if seconds]
    ratio = f"{min(peers) / ours:.2f}" if peers and ours else "-"
    return [cell["precision"], cell["threads"], cell["batch"], f"{rate / 1e9:.0f}" if rate else "-", *texts, ratio]


def markdown(report):
    """The whole report, but for the machine."""
    return "\n\n".join("\n".join(part(table, report["repetitions"])) for table in report["tables"])


def part(table, repetitions):
    """The lines of one table, and below it what is to be said of it."""
    subject, cells = table["subject"], table["cells"]
    head = ["precision", "threads", "batch", "GEMM GF/s", *COLUMNS.values(), "best peer ÷ Cascade"]
    yield from (f"**{TITLES[subject['kind']].format(subject['name'])}**", "")
    yield "| " + " | ".join(head) + " |"
    yield "|" + "---|" * len(head)
    yield from ("| " + " | ".join(map(str, row(cell, subject["flops"]))) + " |" for cell in cells)
    yield from ("", f"{subject['parameters'] / 1e6:.2f} M parameters, {subject['flops'] / 1e6:.1f} MFLOPs an image; "
                f"{repetitions} repetitions. {LEGENDS[subject['kind']]}", "")
    yield from (f"- {text}" for text in remarks(cells, subject["unit"]))


def remarks(cells, unit):
    """The distances from PyTorch's fp32 output, and who did not take part."""
    for precision in dict.fromkeys(cell["precision"] for cell in cells):
        distances = {}
        for cell in cells:
            if cell["precision"] == precision:
                for name, result in cell["engines"].items():
                    if "distance" in result:
                        distances[name] = max(distances.get(name, 0), result["distance"])
        if distances:
            yield (f"largest distance from PyTorch's fp32 output in {precision}, {unit}: "
                   + ", ".join(f"{name} {value:.3g}" for name, value in distances.items()))
    absent = {}
    for cell in cells:
        for name, result in cell["engines"].items():
            why = result.get("left_out") or result.get("error")
            if why:
                where = f"{cell['precision']} {cell['threads']}/{cell['batch']}"
                absent.setdefault((name, "left out" if "left_out" in result else "failed", why), []).append(where)
    for (name, what, why), where in absent.items():
        yield f"{name} {what}: {why} (at {len(where)} of {len(cells)} lines, first {where[0]})"
