"""A cascade that is replaced while it is loaded."""

import json
import re
import subprocess

from harness import CLIENT, PACKAGE, check, start_client
from workbench import CASCADE, Figure


def measure(bench):
    figure = Figure("Replacing a cascade", "0 requests fail while a loaded cascade is replaced.",
                    ("requests", "ok", "refused", "failed", "p99 ms"))
    load_flags = ("--clients", "16", "--duration", bench.duration(60))
    bench.commands.append(f"cascade bench --cascade digits --class random {' '.join(load_flags)}")
    bench.commands.append("cascade admin replace digits PACKAGE  # again and again meanwhile")
    with bench.serve("--admin_listen", "127.0.0.1:0") as server:
        admin = re.search(r"event=admin_listening.* address=(\S+)", server.log_text()).group(1)
        load = start_client(server, "bench", *CASCADE, "--class", "random", "--json", *load_flags)
        replaced = 0
        while load.poll() is None:
            result = subprocess.run([CLIENT, "admin", "replace", "digits", PACKAGE, "--server", admin],
                                    capture_output=True, text=True)
            check(result.returncode == 0, result)
            replaced += 1
        report = json.loads(load.stdout.read())
    check(not report["problems"], report["problems"])
    figure.rows.append((*(report[key] for key in ("requests", "requests_ok", "refused", "failed")),
                        f"{report['latency_seconds']['p99'] * 1e3:.0f}"))
    lost = report["requests"] - report["requests_ok"]
    figure.add_ratio(f"requests that were not served, while the cascade was replaced {replaced} times", str(lost),
                     lost == 0 and replaced > 1)
    return figure
