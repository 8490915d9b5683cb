"""Prometheus and Alertmanager on free ports of this machine, in a temporary folder; ended with the block."""

import json
import pathlib
import re
import subprocess
import tempfile
import urllib.parse
import urllib.request

from tools import RULES, get_json, wait_until

LISTENING = re.compile(r'msg="Listening on" address=(\S+)')
START_SECONDS = 120


class Daemon:
    """A process that logs where it listens."""

    def __init__(self, name, *words):
        self.folder = tempfile.TemporaryDirectory(prefix=f"cascade-{name}-")
        self.log = pathlib.Path(self.folder.name) / "log"
        self.words = (name, *words)
        self.process = None
        self.address = None

    def write(self, name, content):
        """JSON is YAML, too."""
        path = pathlib.Path(self.folder.name) / name
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    def __enter__(self):
        with self.log.open("w") as log:
            self.process = subprocess.Popen(self.words, cwd=self.folder.name, stdout=log, stderr=log)
        try:
            self.address = wait_until(self._listening, START_SECONDS, self.log.read_text)
            wait_until(self._ready, START_SECONDS, self.log.read_text)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *unused):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()

    def _listening(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.words[0]} ended: {self.log.read_text()}")
        match = LISTENING.search(self.log.read_text())
        return match and match.group(1)

    def _ready(self):
        try:
            with urllib.request.urlopen(f"http://{self.address}/-/ready", timeout=30) as response:
                return response.status == 200
        except OSError:
            return False


class Prometheus(Daemon):
    """Scrapes `jobs` ({name: (address, labels)}) each second and evaluates `rules` as often."""

    def __init__(self, jobs, *, rules=None, alertmanager=None):
        super().__init__("prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
                         "--web.listen-address=127.0.0.1:0")
        self.write("rules.yaml", rules or RULES.read_text())
        self.write("prometheus.yml", {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": ["rules.yaml"],
            "alerting": {"alertmanagers": [{"static_configs": [{"targets": [alertmanager] if alertmanager else []}]}]},
            "scrape_configs": [{"job_name": name, "static_configs": [{"targets": [address], "labels": labels}]}
                               for name, (address, labels) in jobs.items()]})

    def api(self, path, **parameters):
        return get_json(f"http://{self.address}/api/v1/{path}?{urllib.parse.urlencode(parameters)}")["data"]

    def series(self, query, **parameters):
        """What a query finds now; or in a range, with start, end and step."""
        path = "query_range" if parameters else "query"
        return self.api(path, query=query, **parameters)["result"]


class Alertmanager(Daemon):
    """Tells a webhook about every alert at once."""

    def __init__(self, webhook):
        super().__init__("prometheus-alertmanager", "--config.file=alertmanager.yml", "--storage.path=data",
                         "--cluster.listen-address=", "--web.listen-address=127.0.0.1:0")
        self.write("alertmanager.yml", {
            "route": {"receiver": "test", "group_by": ["alertname"], "group_wait": "0s", "group_interval": "1s"},
            "receivers": [{"name": "test", "webhook_configs": [{"url": webhook, "send_resolved": False}]}]})
