"""`cascade`: what it writes, what it says, and what it returns."""

import json
import pathlib
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

from harness import CLIENT, SERVER, Server, check, client, require_package, run


def usage(binary, *flags):
    return subprocess.run([binary, *flags], capture_output=True, text=True)


def help_and_version():
    for binary in (CLIENT, SERVER):
        for flag in ("--help", "--version"):
            check(usage(binary, flag).returncode == 0, f"{binary} {flag}")
    for command in ("list", "generate", "upscale", "health", "bench"):
        result = usage(CLIENT, command, "--help")
        check(result.returncode == 0 and "Exit codes" in result.stdout, f"cascade {command} --help")


def unknown_flags_are_refused():
    check(usage(CLIENT, "generate", "--cascade", "digits", "--nonsense").returncode == 2, "cascade")
    check(usage(CLIENT).returncode == 2, "no command")
    check(usage(CLIENT, "generate", "--cascade", "digits").returncode == 2, "nowhere to put the images")
    check(usage(CLIENT, "generate", "--cascade", "digits", "--json", "--seed", "x").returncode == 2, "a bad seed")
    check(usage(SERVER, "--nonsense").returncode == 2, "cascade-server")


def an_absent_server_is_told():
    result = usage(CLIENT, "list", "--server", "127.0.0.1:1")
    check(result.returncode == 4 and "cannot be reached" in result.stderr, result)


def a_missing_package_is_refused():
    result = usage(SERVER, "--listen", "127.0.0.1:0", "--cascade", "x=/nonexistent")
    check(result.returncode == 1 and "/nonexistent" in result.stderr, result)


def writes_an_image_of_each_stage():
    with tempfile.TemporaryDirectory() as folder:
        result = client(SHARED, "generate", "--cascade", "digits", "--class", "7", "--seed", "42", "--count", "2",
                        "--out", folder, "--json")
        check(result.returncode == 0, result)
        events = [json.loads(line) for line in result.stdout.splitlines()]
        check(events[0]["event"] == "queued" and events[-1]["event"] == "finished", events)
        names = sorted(path.name for path in pathlib.Path(folder).iterdir())
        expected = sorted(f"digits-7-seed{seed}-stage{stage}-{size}x{size}.png"
                          for seed in (42, 43) for stage, size in enumerate((8, 16, 32)))
        check(names == expected, names)
        files = {event["file"] for event in events if event["event"] == "stage_image"}
        check(len(files) == 6 and all(pathlib.Path(f).read_bytes()[:4] == b"\x89PNG" for f in files), files)


def writes_other_formats():
    with tempfile.TemporaryDirectory() as folder:
        starts = {"jpeg": b"\xff\xd8", "webp": b"RIFF", "raw": b""}
        for name, start in starts.items():
            result = client(SHARED, "generate", "--cascade", "digits", "--class", "1", "--seed", "1", "--format", name,
                            "--stages", "2", "--out", folder)
            check(result.returncode == 0, result)
            path, = pathlib.Path(folder).glob("*." + name.replace("jpeg", "jpg"))
            check(path.read_bytes().startswith(start), path)


def draws_in_the_terminal():
    result = client(SHARED, "generate", "--cascade", "digits", "--class", "3", "--show")
    check(result.returncode == 0 and result.stdout.count("\u2580") > 8 * 4, result)


def options_reach_the_server():
    result = client(SHARED, "generate", "--cascade", "digits", "--class", "3", "--json", "--steps", "3,4,5",
                    "--sampler", "ddpm", "--guidance", "1", "--target-stage", "2", "--previews", "1")
    check(result.returncode == 0, result)
    events = [json.loads(line) for line in result.stdout.splitlines()]
    stages = events[-1]["record"]["stages"]
    check([stage["sampler"]["steps"] for stage in stages] == [3, 4, 5], stages)
    check(all(stage["sampler"]["kind"] == "ddpm" for stage in stages), stages)
    check(any(event["event"] == "preview" for event in events), "no preview")


def errors_name_the_field():
    result = client(SHARED, "generate", "--cascade", "digits", "--class", "seven", "--json")
    check(result.returncode == 3 and "class_name" in result.stderr, result)
    error = json.loads(result.stdout.splitlines()[-1])
    check(error["code"] == "INVALID_ARGUMENT" and error["fields"][0]["field"] == "class_name", error)
    result = client(SHARED, "generate", "--cascade", "digits", "--class", "7", "--steps", "0", "--json")
    check(result.returncode == 3 and "sampler.steps" in result.stderr, result)
    result = client(SHARED, "generate", "--cascade", "letters", "--class", "7", "--json")
    check(result.returncode == 3 and "digits" in result.stderr, result)


def a_deadline_has_its_exit_code():
    result = client(SHARED, "generate", "--cascade", "digits", "--class", "7", "--count", "64", "--steps", "1000",
                    "--sampler", "ddpm", "--deadline", "200ms", "--json")
    check(result.returncode == 5, result)


def lists_and_tells_health():
    result = client(SHARED, "list")
    check(result.returncode == 0 and "digits" in result.stdout and "32x32" in result.stdout, result)
    cascade = json.loads(client(SHARED, "list", "--json").stdout)
    check(cascade["name"] == "digits" and len(cascade["stages"]) == 3, cascade)
    for flags in ((), ("--cascade", "digits"), ("--service", "cascade.v1.CascadeService")):
        result = client(SHARED, "health", *flags)
        check(result.returncode == 0 and result.stdout == "SERVING\n", result)
    check(client(SHARED, "health", "--cascade", "letters").returncode == 3, "letters")


def bench_reports():
    result = client(SHARED, "bench", "--cascade", "digits", "--class", "random", "--clients", "4", "--requests", "12",
                    "--json")
    report = json.loads(result.stdout)
    check(result.returncode == 0 and report["requests_ok"] == 12 and report["images"] == 12, report)
    check(report["images_per_second"] > 0 and report["latency_seconds"]["p99"] > 0, report)


def bench_loads_at_a_rate():
    with tempfile.TemporaryDirectory() as folder:
        plot = pathlib.Path(folder) / "load.svg"
        result = client(SHARED, "bench", "--cascade", "digits", "--class", "1,7", "--rate", "20", "--requests", "40",
                        "--mix", "3:name=quick:steps=2:priority=interactive;1:name=slow:steps=6", "--cancel", "30%",
                        "--slow-readers", "20%", "--read-delay", "10ms", "--goal", "60s", "--plot", plot, "--json")
        check(result.returncode == 0, result)
        svg = xml.etree.ElementTree.parse(plot).getroot()
        check(svg.tag.endswith("svg") and "quick" in plot.read_text(), "the plot")
    report = json.loads(result.stdout)
    ended = report["requests_ok"] + report["cancelled"]
    check(report["requests"] == 40 and ended == 40 and report["cancelled"] > 0, report)
    check(sum(group["requests"] for group in report["mix"].values()) == 40, report["mix"])
    check(report["goodput"]["requests"] == report["requests_ok"], report["goodput"])
    check(0 < report["slow_readers"]["requests"] < 40, report)
    check(sum(second["ok"] for second in report["series"]) == report["requests_ok"], report["series"])


if __name__ == "__main__":
    STATUS = run(help_and_version, unknown_flags_are_refused, an_absent_server_is_told, a_missing_package_is_refused)
    if STATUS:
        sys.exit(STATUS)
    require_package()
    with Server() as SHARED:
        sys.exit(run(writes_an_image_of_each_stage, writes_other_formats, draws_in_the_terminal,
                     options_reach_the_server, errors_name_the_field, a_deadline_has_its_exit_code,
                     lists_and_tells_health, bench_reports, bench_loads_at_a_rate))
