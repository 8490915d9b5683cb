"""What a platform engineer does: a configuration file, and cascades that come and go while the server serves."""

import json
import re
import subprocess
import sys
import tempfile
import threading

from harness import CLIENT, PACKAGE, SERVER, Server, check, client, require_package, run

DRAW = ("--cascade", "digits", "--class", "7", "--seed", "7", "--steps", "4", "--json")


def admin(server, *words):
    """Runs `cascade admin WORDS` and returns its JSON lines; the last word is the exit code."""
    address = re.search(r"event=admin_listening address=(\S+)", server.log_text()).group(1)
    result = subprocess.run([CLIENT, "admin", *words, "--server", address, "--json"], capture_output=True, text=True)
    return [json.loads(line) for line in result.stdout.splitlines()], result.returncode


def refused_start(config, *flags):
    """What a server says that does not start with this configuration, and its exit code."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(config, file)
        file.flush()
        result = subprocess.run([SERVER, "--listen", "127.0.0.1:0", "--config", file.name, "--log_level", "error",
                                 *flags], capture_output=True, text=True)
    return result.stderr, result.returncode


def a_replaced_cascade_fails_no_request():
    with Server("--admin_listen", "127.0.0.1:0") as server:
        results, stop = [], threading.Event()

        def draw():
            while not stop.is_set():
                results.append(client(server, "generate", *DRAW))

        clients = [threading.Thread(target=draw) for _ in range(3)]
        for thread in clients:
            thread.start()
        for _ in range(2):
            versions, code = admin(server, "replace", "digits", str(PACKAGE))
            check(code == 0 and versions[0]["state"] == "serving", (versions, code))
        stop.set()
        for thread in clients:
            thread.join()
        failed = [result for result in results if result.returncode]
        check(results and not failed, f"{len(failed)} of {len(results)} failed: {failed[:1]}")
        versions, _ = admin(server, "list")
        check([version["id"] for version in versions] == [3], versions)


def cascades_come_and_go():
    with Server("--admin_listen", "127.0.0.1:0") as server:
        check(admin(server, "load", "digits", str(PACKAGE))[1] == 3, "a loaded name is refused")
        check(admin(server, "load", "other", "/nowhere")[1] == 3, "what is no package is refused")
        check(admin(server, "load", "other", str(PACKAGE))[1] == 0, server.log_text())
        check(client(server, "generate", "--cascade", "other", "--class", "7", "--json").returncode == 0, "other")
        check(admin(server, "unload", "digits")[1] == 0, server.log_text())
        check(client(server, "generate", *DRAW).returncode == 3, "an unloaded cascade is not found")
        check(client(server, "health", "--cascade", "digits").returncode == 4, "an unloaded cascade is not healthy")
        check(client(server, "health", "--cascade", "other").returncode == 0, "the other one is")


def a_configuration_file_is_checked_by_path():
    said, code = refused_start({"lanes": [{"device": "cpu"}, {"device": "gpu"}]})
    check(code == 2 and "lanes[1].device" in said and '"gpu"' in said, (said, code))


def what_does_not_fit_is_refused_with_the_numbers():
    said, code = refused_start({"cascades": [{"name": "digits", "package": str(PACKAGE)}], "lanes": 1,
                                "memory_limit": [{"device": "cpu", "bytes": 1 << 20}]})
    check(code == 1 and "does not fit on cpu" in said and "the limit is 1.0 MiB" in said, (said, code))


if __name__ == "__main__":
    require_package()
    sys.exit(run(a_replaced_cascade_fails_no_request, cascades_come_and_go, a_configuration_file_is_checked_by_path,
                 what_does_not_fit_is_refused_with_the_numbers))
