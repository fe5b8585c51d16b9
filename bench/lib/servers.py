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


class Server:
    """A running server. `with Server(name, program) as server: ...` stops it at the end, and removes its files."""

    def __init__(self, name, program, arguments=()):
        self.name = name
        self.folder = Path(tempfile.mkdtemp(prefix=f"bench-{name}-"))
        self.port = free_port()
        command = [str(program), "--port", str(self.port), "--dir", str(self.folder), "--save", "", *arguments]
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
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

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _wait_until_it_answers(self):
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                with self.client() as client:
                    client.call("PING")
                return
            except (OSError, ServerError):
                time.sleep(0.02)
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
