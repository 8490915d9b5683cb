"""Drafts at the lowest resolution, of which some are enlarged later: the same bytes as without a stop."""

import json
import pathlib
import sys
import tempfile

from harness import Server, check, client, require_package, run

DRAFTS, SEED = 16, 100
CHOSEN = (103, 111)


def cascade(command, *flags):
    result = client(SHARED, command, *flags)
    check(result.returncode == 0, result)
    return result


def images(folder, seed, stages):
    """{file name: bytes} of one image."""
    names = [path for path in pathlib.Path(folder).glob(f"digits-7-seed{seed}-stage*.png")
             if int(path.stem.split("-stage")[1][0]) in stages]
    check(len(names) == len(stages), f"seed {seed}: {names}")
    return {path.name: path.read_bytes() for path in names}


def draft(folder):
    """Draws the drafts into FOLDER/out and FOLDER/states; returns the states' paths by seed."""
    cascade("generate", "--cascade", "digits", "--class", "7", "--seed", str(SEED), "--count", str(DRAFTS),
            "--target-stage", "0", "--out", f"{folder}/out", "--states", f"{folder}/states")
    states = {seed: pathlib.Path(folder, "states", f"digits-7-seed{seed}-stage0.state")
              for seed in range(SEED, SEED + DRAFTS)}
    check(sorted(states.values()) == sorted(pathlib.Path(folder, "states").iterdir()), "a state for each draft")
    return states


def enlarged_drafts_have_the_bytes_of_one_request():
    with tempfile.TemporaryDirectory() as folder:
        states = draft(folder)
        cascade("generate", "--cascade", "digits", "--class", "7", "--seed", str(SEED), "--count", str(DRAFTS),
                "--out", f"{folder}/whole")
        cascade("upscale", "--state", *(str(states[seed]) for seed in CHOSEN), "--out", f"{folder}/large")
        for seed in CHOSEN:
            check(images(f"{folder}/large", seed, (1, 2)) == images(f"{folder}/whole", seed, (1, 2)),
                  f"seed {seed} has other bytes")
        check(len(list(pathlib.Path(folder, "large").iterdir())) == 2 * len(CHOSEN), "only what was asked for")


def a_cascade_may_stop_at_every_stage():
    with tempfile.TemporaryDirectory() as folder:
        states = draft(folder)
        cascade("upscale", "--state", str(states[CHOSEN[0]]), "--target-stage", "1", "--states", f"{folder}/middle")
        state, = pathlib.Path(folder, "middle").iterdir()
        cascade("upscale", "--state", str(state), "--out", f"{folder}/top")
        cascade("generate", "--cascade", "digits", "--class", "7", "--seed", str(CHOSEN[0]), "--out",
                f"{folder}/whole")
        check(images(f"{folder}/top", CHOSEN[0], (2,)) == images(f"{folder}/whole", CHOSEN[0], (2,)), "other bytes")


def damaged_states_are_refused():
    with tempfile.TemporaryDirectory() as folder:
        path = draft(folder)[SEED]
        whole = path.read_bytes()
        # Somewhere in the values, which are most of it.
        path.write_bytes(whole[:-100] + bytes([whole[-100] ^ 1]) + whole[-99:])
        result = client(SHARED, "upscale", "--state", str(path), "--json")
        check(result.returncode == 3 and "damaged" in result.stderr, result)
        error = json.loads(result.stdout.splitlines()[-1])
        check(error["code"] == "DATA_LOSS" and error["reason"] == "STATE_DAMAGED", error)
        path.write_bytes(whole[:-100])
        result = client(SHARED, "upscale", "--state", str(path), "--json")
        check(result.returncode == 2 and str(path) in result.stderr, result)


def images_from_elsewhere_are_enlarged():
    with tempfile.TemporaryDirectory() as folder:
        draft(folder)
        path, = pathlib.Path(folder, "out").glob(f"*-seed{SEED}-stage0-8x8.png")
        flags = ("--cascade", "digits", "--class", "7", "--seed", "1", "--image", str(path))
        cascade("upscale", *flags, "--count", "2", "--out", f"{folder}/large")
        for seed in (1, 2):
            images(f"{folder}/large", seed, (1, 2))
        result = client(SHARED, "upscale", *flags, "--first-stage", "2", "--json")
        check(result.returncode == 3 and "image.resize" in result.stderr, result)
        cascade("upscale", *flags, "--first-stage", "2", "--resize", "pad", "--out", f"{folder}/padded")
        images(f"{folder}/padded", 1, (2,))


if __name__ == "__main__":
    require_package()
    with Server() as SHARED:
        sys.exit(run(enlarged_drafts_have_the_bytes_of_one_request, a_cascade_may_stop_at_every_stage,
                     damaged_states_are_refused, images_from_elsewhere_are_enlarged))
