"""Starts and stops the servers that are compared, each with a folder and a port of its own."""

import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from lib.resp import Client, ServerError

ROOT = Path(__file__).resolve().parent.parent.parent
COWSLIP = ROOT / "build/release/bin/cowslip-server"


# Time to load a large snapshot, on a slow day.
START_LIMIT_S = 600


class Server:
    """A running server. `with Server(name, program) as server: ...` stops it at the end, and removes its files."""

    def __init__(self, name, program, arguments=()):
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix=f"bench-{name}-"))
        self.port = free_port()
        fixed = ["--port", str(self.port), "--dir", str(self.folder), "--save", ""]
        self._command = [str(program), *fixed, *arguments]
        self._start()

    def _start(self):
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=subprocess.STDOUT)
        self.pid = self._process.pid

    def __enter__(self):
        try:
            self._wait_until_it_answers()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def client(self):
        return Client(self.port)

    def version(self):
        with self.client() as client:
            info = client.info()
        return info.get("cowslip_version") or info.get("redis_version", "?")

    def restart(self):
        """Starts it again, on the files it left, and returns the seconds until it answers PING."""
        self._end()
        begun = time.monotonic()
        self._start()
        self._wait_until_it_answers()
        return time.monotonic() - begun

    def stop(self):
        self._end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self):
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _wait_until_it_answers(self):
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with self.client() as client:
                    client.call("PING")
                return
            except (OSError, ServerError):
                time.sleep(0.005)
        sys.exit(f"{self.name} does not answer:\n{(self.folder / 'log').read_text()}")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find_programs(names):
    """Maps "cowslip", "redis" or a program's path to (name, program); ends with a message when one is not there."""
    known = {"cowslip": COWSLIP, "redis": shutil.which("redis-server")}
    programs = []
    for name in names:
        program = known.get(name, name)
        if program is None or not Path(program).is_file():
            sys.exit(f"there is no {program or name}: scripts/bench builds Cowslip and installs redis-server")
        programs.append((name if name in known else Path(program).name, program))
    return programs
