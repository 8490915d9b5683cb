"""The long-running programs of a run: started with a log each, ended by their process ids."""

import os
import pathlib
import signal
import subprocess
import threading
import time


def wait_until(condition, seconds, what, interval=0.25):
    """Returns the first true answer of `condition()`; an error after `seconds`."""
    end = time.monotonic() + seconds
    never = threading.Event()
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s: {what() if callable(what) else what}")
        never.wait(interval)


class Processes:
    """Everything that one run started."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.running = {}

    def start(self, name, *command, **environment):
        """Starts a program whose output goes to NAME.log."""
        with (self.folder / f"{name}.log").open("ab") as log:
            # A session of its own: Ctrl-C reaches this process first, which then ends the others in order.
            self.running[name] = subprocess.Popen([str(word) for word in command], stdout=log, stderr=log,
                                                  stdin=subprocess.DEVNULL, start_new_session=True, cwd=self.folder,
                                                  env={**os.environ, **environment})
        return self.running[name]

    def log(self, name, lines=5):
        """The last lines of a log."""
        path = self.folder / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""

    def check_alive(self, name):
        process = self.running[name]
        if process.poll() is not None:
            raise AssertionError(f"{name} ended with {process.returncode}: {self.log(name)}")
        return True

    def stop(self, name, how=signal.SIGTERM, seconds=10):
        process = self.running.pop(name, None)
        if process is None or process.poll() is not None:
            return
        process.send_signal(how)
        try:
            process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
