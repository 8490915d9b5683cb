"""One engine in a process of its own, pinned to as many cores as it has threads.

    worker.py ENGINE FOLDER STAGE PRECISION BATCH THREADS OUTPUT

Times a step of the network of the package's stage STAGE, or draws from the whole cascade if STAGE is "all". Reads lines,
"prepare" first and then any number of "turn", and answers each with a line of JSON. "prepare" includes the warm-up and
leaves the engine's output in the file OUTPUT, whose folder is the table's own; a "turn" is answered with its seconds.

What is timed has prepare(precision, batch, threads), which raises LeftOut where the engine cannot take part; turn(),
which returns seconds; and output(), an array, or None where the engine does not tell it.
"""

import json
import os
import sys


def pin(threads):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def own_answers():
    """The pipe of the answers; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def timed(name, package, stage, folder):
    """What the engine of that name is to do."""
    import cascades
    import draw
    import engines
    import gemm
    import networks
    import ours
    import step
    if name == "gemm":
        return gemm.Gemm()
    if stage == "all":
        cascade = cascades.Cascade(package)
        return ours.OurDraw(cascade, folder) if name == "cascade" else draw.Draw(engines.named(name, folder), cascade)
    network = networks.read(package, int(stage))
    return ours.OurStep(network) if name == "cascade" else step.Step(engines.named(name, folder), network)


def prepare(name, package, stage, precision, batch, threads, output):
    import engines
    import numpy
    what = timed(name, package, stage, os.path.dirname(output))
    try:
        what.prepare(precision, batch, threads)
    except engines.LeftOut as reason:
        return None, {"left_out": str(reason)}
    result = what.output()
    if result is not None:
        numpy.save(output, result)
    return what, {"flops": getattr(what, "flops", None)}


def main(name, package, stage, precision, batch, threads, output):
    pin(int(threads))
    answers = own_answers()
    what = None
    for line in sys.stdin:
        try:
            if line.strip() == "prepare":
                what, answer = prepare(name, package, stage, precision, int(batch), int(threads), output)
            else:
                answer = {"seconds": what.turn()}
        except Exception as error:  # Whatever it is, it leaves the others their turn.
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
