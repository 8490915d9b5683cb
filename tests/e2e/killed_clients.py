"""kill -9 of clients in the middle of their streams: the server loses nothing and keeps nothing.

    killed_clients.py [KILLS]
"""

import json
import sys

from harness import Server, check, client, read_until, require_package, start_client

KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else 200
REQUESTS = 100
# Allocators keep some; a leaked slot or stream of each killed client would be far more.
GROWTH_KIB = 16 * 1024


def bench(server):
    result = client(server, "bench", "--cascade", "digits", "--class", "random", "--clients", "4", "--requests",
                    str(REQUESTS), "--json")
    report = json.loads(result.stdout)
    check(result.returncode == 0 and report["requests_ok"] == REQUESTS, report)
    return report


def kill_one(server, index):
    victim = start_client(server, "generate", "--cascade", "digits", "--class", str(index % 10), "--count", "8",
                          "--previews", "1", "--json")
    check(read_until(victim, ("queued", "stage_started", "preview", "stage_image")[index % 4]), "no event")
    victim.kill()
    victim.wait()


def main():
    require_package()
    with Server() as server:
        before = bench(server)
        for index in range(20):  # What the first ones leave in pools is no leak.
            kill_one(server, index)
        bench(server)
        resident_before = server.resident_kib()
        for index in range(KILLS):
            kill_one(server, index)
        after = bench(server)
        growth = server.resident_kib() - resident_before
        print(f"{KILLS} clients killed, then {after['requests_ok']} of {REQUESTS} requests served; "
              f"{before['images_per_second']:.1f} images/s before, {after['images_per_second']:.1f} after; "
              f"resident {resident_before} KiB, {growth:+d} KiB")
        check(growth < GROWTH_KIB, f"resident memory grew by {growth} KiB")
        server.terminate()
        # Every job has ended, or the drain would wait.
        check(server.process.wait() == 0, "the server's exit code")
    return 0


if __name__ == "__main__":
    sys.exit(main())
