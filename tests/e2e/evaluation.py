"""cascade-model evaluate and search with the digits: figures that are known, runs that are stopped, files that are wrong."""

import json
import pathlib
import signal
import subprocess
import sys
import tempfile

from harness import BIN, PACKAGE, check, require_package, run

TOOL = BIN / "cascade-model"
COUNT = 70  # Two chunks of the store.
FEW_STEPS = ["--sampler_steps", "2", "--seed", "1"]


def tool(*arguments):
    return subprocess.run([TOOL, *arguments], capture_output=True, text=True)


def succeed(*arguments):
    result = tool(*arguments)
    check(result.returncode == 0, result)
    return result


def drawn_images(folder):
    """Forty generated digits as an image folder FOLDER/CLASS/SEED.png."""
    succeed("sample", PACKAGE, "--out", folder / "flat", "--count", "40", *FEW_STEPS)
    for path in sorted((folder / "flat").glob("*-32x32.png")):
        label = (int(path.name.split("-")[0]) - 1) % 10
        target = folder / "images" / str(label)
        target.mkdir(parents=True, exist_ok=True)
        path.rename(target / path.name)
    return folder / "images"


def classifier(folder, images):
    succeed("train-classifier", images, "--epochs", "2", "--out", folder / "classifier.safetensors")
    return folder / "classifier.safetensors"


def evaluate(*arguments):
    return json.loads(succeed("evaluate", "--json", *arguments).stdout)


def a_set_is_as_good_as_itself():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        images = drawn_images(folder)
        judge = classifier(folder, images)
        report = evaluate("--samples", images, "--classifier", judge, "--train", images, "--test", images,
                          "--metrics", "fid,kid,pr,is,class,cas", "--cas_epochs", "1", "--cache", folder / "cache",
                          "--splits", "2")
        check(report["count"] == 40 and report["resolution"] == 32, report)
        check(report["fid_train"] < 1e-9 and report["fid_test"] == report["fid_train"], report)
        check(report["precision_train"] == report["recall_train"] == 1, report)
        check(1 <= report["inception_score"] <= 10, report)
        check(set(report["cas_per_class"]) == {str(c) for c in range(10)}, report)
        check(0 <= report["cas_top1"] <= report["cas_top5"] <= 1, report)
        # The same package and seeds, drawn here instead of read: only PNG lies between.
        package = evaluate(PACKAGE, "--count", "40", *FEW_STEPS, "--classifier", judge, "--train", images,
                           "--metrics", "fid,pr", "--cache", folder / "cache")
        check(package["fid_train"] < 1e-9 and package["recall_train"] == 1, package)
        check(len(list((folder / "cache").iterdir())) == 1, "one set of moments is kept")
        reduced = evaluate(PACKAGE, "--stage", "16x16", "--count", "20", *FEW_STEPS, "--classifier", judge,
                           "--train", images, "--metrics", "fid")
        check(reduced["resolution"] == 16 and reduced["fid_train"] > 0, reduced)


def a_killed_run_goes_on_and_says_the_same():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        images = drawn_images(folder)
        flags = [PACKAGE, "--count", str(COUNT), *FEW_STEPS, "--classifier", classifier(folder, images),
                 "--train", images]
        through = evaluate(*flags, "--store", folder / "through")
        process = subprocess.Popen([TOOL, "evaluate", "--json", *flags, "--store", folder / "killed"],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        line = process.stderr.readline()
        check(line.startswith(f"64 of {COUNT} images"), line)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
        stored = {path: path.stat().st_mtime_ns for path in (folder / "killed").rglob("*.safetensors")}
        check(len(stored) >= 3, stored)
        check(evaluate(*flags, "--store", folder / "killed") == through, "the figures differ")
        check(all(path.stat().st_mtime_ns == time for path, time in stored.items()), "an image was drawn again")
        check(sum(1 for _ in (folder / "killed").rglob("*.safetensors")) == 6, "two chunks of three stages")


def a_search_draws_each_stage_once():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        images = drawn_images(folder)
        out = folder / "search"
        search = ["search", PACKAGE, "--out", out, "--count", "20", *FEW_STEPS, "--classifier",
                  classifier(folder, images), "--train", images, "--metrics", "fid", "--levels", "0,0.2", "--steps", "1,2"]
        result = succeed(*search)
        check(result.stdout.count("best fid_train") == 2, result)
        rows = (out / "search.csv").read_text().splitlines()
        check(rows[0] == "stage,level,steps,fid_train" and len(rows) == 9, rows)
        check("**" in (out / "search.md").read_text(), "no best row")
        check((out / "search.svg").read_text().count("<circle") == 8, "a mark a row")
        # One set of the base; of the 16x16 four that were tried.
        sets = [path.name.rsplit("-", 1)[0] for path in (out / "samples").iterdir()]
        check([sets.count(stage) for stage in ("8x8", "16x16", "32x32")] == [1, 4, 4], sets)
        before = (out / "search.csv").read_bytes()
        succeed(*search)
        check((out / "search.csv").read_bytes() == before, "a second search finds something else")

        inputs = evaluate(PACKAGE, "--real_inputs", images, "--count", "20", *FEW_STEPS, "--classifier",
                          folder / "classifier.safetensors", "--train", images, "--metrics", "fid")
        check(inputs["fid_train"] > 0 and inputs["rms_difference_from_lower_stage"] == [], inputs)


def wrong_files_and_flags_are_named():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        hostile = folder / "hostile.pt"
        hostile.write_bytes(b"PK\x03\x04" + bytes(range(256)) * 8)
        for arguments, message in [
                (["--network", hostile], "hostile.pt is not a TorchScript network"),
                (["--classifier", hostile], "hostile.pt"),
                ([], "one of --classifier and --network"),
                (["--classifier", folder / "none", "--metrics", "cas"], "--metrics cas needs --test"),
                (["--metrics", "fod"], "--metrics")]:
            result = tool("evaluate", PACKAGE, *arguments)
            check(result.returncode != 0 and message in result.stderr, result)
        result = tool("evaluate", "--samples", folder, PACKAGE)
        check(result.returncode == 1 and "either a package or --samples" in result.stderr, result)
        for command in (["sample", PACKAGE, "--out", folder],
                        ["evaluate", PACKAGE, "--test", folder, "--metrics", "cas", "--count", "1"]):
            result = tool(*command, "--device", "cuda:99")
            check(result.returncode == 1 and "cuda:99" in result.stderr, result)


def a_search_says_what_is_wrong_before_it_draws():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        images = drawn_images(folder)
        network = ["--classifier", classifier(folder, images)]
        (folder / "file").touch()
        for arguments, message in [
                (["--stages", "7x7"], "--stages: the package has no stage 7x7"),
                (["--metrics", "is", "--by", "fid_train"],
                 "--by fid_train: no such figure is measured, only inception_score"),
                (["--metrics", "kid"], "--metrics kid needs --train or --test"),
                (["--levels", "0.1,0.9"], "--levels 0.9: stage 16x16 was trained from 0 to 0.5"),
                (["--out", folder / "file" / "search"], "cannot make the folder")]:
            out = folder / "none"
            result = tool("search", PACKAGE, *([] if "--out" in arguments else ["--out", out]), *network, *arguments)
            check(result.returncode == 1 and message in result.stderr, result)
            check(not (out / "samples").exists(), result)


def options_that_do_nothing_are_refused():
    for arguments, message in [
            (["--bound", "--metrics", "fid"], "--bound draws no images and takes no --metrics"),
            (["--bound", "--stage", "16x16"], "takes no --stage"),
            (["--bound", "--sampler_steps", "3"], "takes no --sampler_steps"),
            (["--bound", "--augmentation_mode", "truncated"], "takes no --augmentation_mode"),
            (["--terms", "terms.csv"], "--terms needs --bound")]:
        result = tool("evaluate", PACKAGE, *arguments)
        check(result.returncode == 1 and message in result.stderr, result)


def classes_without_images_have_no_share():
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        images = drawn_images(folder)
        # No network is needed: cas trains its own.
        flags = ["--test", images, "--metrics", "cas", "--cas_epochs", "1"]
        report = evaluate("--samples", images, "--size", "32", *flags)
        check("features" not in report and len(report["cas_per_class"]) == 10, report)
        for path in (images / "3").iterdir():
            path.unlink()
        report = evaluate(PACKAGE, "--count", "20", *FEW_STEPS, *flags)
        check(report["cas_per_class"]["3"] is None and report["cas_per_class"]["4"] is not None, report)


if __name__ == "__main__":
    require_package()
    sys.exit(run(a_set_is_as_good_as_itself, a_killed_run_goes_on_and_says_the_same, a_search_draws_each_stage_once,
                 wrong_files_and_flags_are_named, a_search_says_what_is_wrong_before_it_draws,
                 options_that_do_nothing_are_refused, classes_without_images_have_no_share))
