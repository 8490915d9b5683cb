"""SIGTERM and Ctrl-C."""

import signal
import subprocess
import sys

from harness import PACKAGE, SERVER, Server, check, client, read_until, require_package, run, start_client

LONG = ("generate", "--cascade", "digits", "--class", "7", "--count", "8", "--steps", "200", "--sampler", "ddpm",
        "--guidance", "1", "--json")


def sigterm_finishes_what_was_admitted():
    with Server("--drain_timeout", "5m") as server:
        admitted = start_client(server, *LONG)
        check(read_until(admitted, "stage_started"), "the request did not start")
        server.terminate()
        # Refused from the moment that the drain has begun; before it, admitted.
        while client(server, "health").returncode == 0:
            pass
        refused = client(server, "generate", "--cascade", "digits", "--class", "7", "--json")
        check(refused.returncode == 4, refused)
        check(read_until(admitted, "finished"), "the admitted request was lost")
        check(admitted.wait() == 0, "the admitted request failed")
        check(server.process.wait() == 0, "the server's exit code")


def an_idle_server_ends_at_once():
    with Server() as server:
        server.terminate()
        check(server.process.wait() == 0, "the server's exit code")


def a_signal_while_it_loads_ends_the_server():
    process = subprocess.Popen([SERVER, "--listen", "127.0.0.1:0", "--http_listen", "127.0.0.1:0", "--cascade",
                                f"digits={PACKAGE}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    check("http_listening" in process.stderr.readline(), "the log begins with the HTTP port")
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate()
    check(process.returncode == 128 + signal.SIGTERM and not output, (process.returncode, output))


def a_second_signal_ends_a_drain():
    with Server("--drain_timeout", "5m") as server:
        admitted = start_client(server, *LONG)
        check(read_until(admitted, "stage_started"), "the request did not start")
        server.terminate()
        while client(server, "health").returncode == 0:
            pass
        server.terminate()
        check(server.process.wait() == 128 + signal.SIGTERM, "the server's exit code")
        check(admitted.wait() == 4, "the client's exit code")


def ctrl_c_cancels_on_the_server():
    with Server() as server:
        call = start_client(server, *LONG)
        check(read_until(call, "stage_started"), "the request did not start")
        call.send_signal(signal.SIGINT)
        check(call.wait() == 130, f"exit code {call.returncode}")
        result = client(server, "generate", "--cascade", "digits", "--class", "1", "--json")
        check(result.returncode == 0, result)
        server.terminate()
        check(server.process.wait() == 0, "the server's exit code")
        check("CANCELLED" in server.log_text(), "the server knows nothing of a cancel")


if __name__ == "__main__":
    require_package()
    sys.exit(run(sigterm_finishes_what_was_admitted, an_idle_server_ends_at_once,
                 a_signal_while_it_loads_ends_the_server, a_second_signal_ends_a_drain, ctrl_c_cancels_on_the_server))
