"""A server that dies is an alert at whoever is on call: through Prometheus and Alertmanager to a webhook."""

import http.server
import json
import re
import sys
import threading

from monitoring import Alertmanager, Prometheus
from tools import RULES, RUNBOOK, SOURCE, Server, check, require_package, require_programs, run, wait_until

ALERT = "CascadeTargetDown"
SECONDS = 120  # For each of the two waits; a few seconds are enough on an idle machine.


class Webhook(http.server.ThreadingHTTPServer):
    """Takes what Alertmanager tells."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Take)
        self.alerts = []
        self.url = f"http://127.0.0.1:{self.server_port}/"

    def __enter__(self):
        threading.Thread(target=self.serve_forever).start()
        return self

    def __exit__(self, *unused):
        self.shutdown()
        self.server_close()

    def of(self, name):
        return [alert for alert in self.alerts if alert["labels"]["alertname"] == name]


class _Take(http.server.BaseHTTPRequestHandler):
    def do_POST(self):  # noqa: N802  (the library's name)
        told = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.alerts += told["alerts"]
        self.send_response(200)
        self.end_headers()

    def log_message(self, *unused):
        pass


def a_dead_server_reaches_whoever_is_on_call():
    # As shipped, but for how long it must have been so.
    rules = re.sub(r"for: \w+", "for: 1s", RULES.read_text())
    with Webhook() as webhook, Alertmanager(webhook.url) as alertmanager, Server() as server, \
            Prometheus({"cascade": (server.http, {"pod": "cascade-0"})}, rules=rules,
                       alertmanager=alertmanager.address) as prometheus:
        wait_until(lambda: prometheus.series("cascade_build_info"), SECONDS, "the server was not scraped")
        check(not webhook.of(ALERT), "it fires while the server lives")
        server.process.kill()
        alert = wait_until(lambda: webhook.of(ALERT), SECONDS, prometheus.log.read_text)[0]
    check(alert["status"] == "firing" and alert["labels"]["severity"] == "critical", alert)
    notes = alert["annotations"]
    check(notes["summary"] == f"cascade-0 {server.http} of cascade does not answer", notes)
    page, anchor = notes["runbook_url"].split("#")
    headings = [line[4:].lower() for line in (SOURCE / page).read_text().splitlines() if line.startswith("### ")]
    check(SOURCE / page == RUNBOOK and anchor in headings, notes)


if __name__ == "__main__":
    require_package()
    require_programs("prometheus", "prometheus-alertmanager")
    sys.exit(run(a_dead_server_reaches_whoever_is_on_call))
