"""One engine in a process of its own, pinned to as many cores as it has threads.

    worker.py ENGINE FOLDER STAGE PRECISION BATCH THREADS OUTPUT

Reads lines, "prepare" first and then any number of "step", and answers each with a line of JSON. "prepare" includes the
warm-up and leaves the engine's output in the file OUTPUT, whose folder is the run's own. "step" runs two steps and
answers the seconds of the second: the first one finds the caches full of another engine's weights, as of an image's
steps only the first does.
"""

import json
import os
import sys

WARM_UP_STEPS = 3


def pin(threads):
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])


def own_answers():
    """The pipe of the answers; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def prepare(name, folder, stage, precision, batch, threads, output):
    import numpy
    import engines
    import networks
    engine = engines.named(name, os.path.dirname(output))
    try:
        engine.prepare(networks.read(folder, stage), precision, batch, threads)
    except engines.LeftOut as reason:
        return None, {"left_out": str(reason)}
    for _ in range(WARM_UP_STEPS):
        engine.step()
    result = engine.output()
    if result is not None:
        numpy.save(output, result)
    return engine, {"flops": getattr(engine, "flops", None)}


def main(name, folder, stage, precision, batch, threads, output):
    pin(int(threads))
    answers = own_answers()
    engine = None
    for line in sys.stdin:
        try:
            if line.strip() == "prepare":
                engine, answer = prepare(name, folder, int(stage), precision, int(batch), int(threads), output)
            else:
                engine.step()
                answer = {"seconds": engine.step()}
        except Exception as error:  # Whatever it is, it leaves the others their turn.
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
