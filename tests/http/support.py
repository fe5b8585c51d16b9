"""What the tests of the HTTP side share: a server of their own, requests, redis-cli."""
import base64
import ctypes
import http.client
import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

PATIENCE = 60  # seconds; only hangs reach it
SKIPPED = 77   # the exit status that ctest takes for "skipped"

BINARY = os.environ.get("COWSLIP_SERVER", "")


def die_with_parent():
    """Run in a child before it starts: the kernel kills it should this script be killed."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def need(*programs):
    """Ends the test as skipped when a program is missing."""
    for program in programs:
        if shutil.which(program) is None:
            print(f"skipped: {program} is not installed")
            sys.exit(SKIPPED)


# An answer may be as old as a tenth of a second, where making one takes long.
STORED_S = 0.2


def wait_until(condition, what, patience=PATIENCE):
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"in vain waited for: {what}")


def basic(password, user="default"):
    return {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()}


CHANGING = {"X-Cowslip-Request": "1"}


class Server:
    """A server in a folder of its own with HTTP on loopback, ended and cleaned up by stop()."""

    def __init__(self, *directives, binary=None, http=True, folder=None, wait=True,
                 descriptors=None):
        self.folder = folder or tempfile.mkdtemp(prefix="cowslip-http-")
        self.port = free_port()
        self.http_port = free_port() if http else 0
        self.binary = binary or BINARY
        self.directives = directives
        self.descriptors = descriptors  # the limit of open files, soft and hard
        self.start(wait)

    def prepare(self):
        die_with_parent()
        if self.descriptors:
            resource.setrlimit(resource.RLIMIT_NOFILE, (self.descriptors, self.descriptors))

    def start(self, wait=True):
        ours = ["--http-port", str(self.http_port)] if self.http_port else []
        with open(os.path.join(self.folder, "server.log"), "ab") as log:
            self.process = subprocess.Popen(
                [self.binary, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, "--save", "",
                 *ours, *self.directives],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=self.prepare)
        if wait:
            wait_until(self.answers, "the server")

    def answers(self):
        if self.process.poll() is not None:
            raise AssertionError(f"the server has ended:\n{self.log()}")
        try:
            socket.create_connection(("127.0.0.1", self.port)).close()
            return True
        except OSError:
            return False

    def log(self):
        with open(os.path.join(self.folder, "server.log"), encoding="utf-8", errors="replace") as log:
            return log.read()

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.kill()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # ---- redis-cli ----

    def cli(self, *arguments, text=None):
        done = subprocess.run(["redis-cli", "-p", str(self.port), *arguments], input=text, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
        return done.stdout.decode("utf-8", "replace").strip()

    def fill(self, keys, size=100):
        """Sets so many keys of that size, through a pipe."""
        value = "v" * size
        commands = "".join(f"SET key:{i} {value}\r\n" for i in range(keys)).encode()
        output = self.cli("--pipe", text=commands)
        assert f"errors: 0, replies: {keys}" in output, output

    def write_for(self, seconds, keys=100_000):
        """Random overwrites for about so long, in the background; the process is returned."""
        return subprocess.Popen(
            ["timeout", str(seconds), "redis-benchmark", "-p", str(self.port), "-t", "set", "-n", "100000000", "-r",
             str(keys), "-d", "100", "-P", "8", "-c", "4", "-q"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_parent)

    def save(self):
        """BGSAVE, to its end."""
        self.cli("BGSAVE")
        wait_until(lambda: "rdb_bgsave_in_progress:0" in self.cli("INFO", "persistence"), "the save's end")

    # ---- HTTP ----

    def url(self, path="/"):
        return f"http://127.0.0.1:{self.http_port}{path}"

    def request(self, path, method="GET", headers=None, body=None, host=None):
        """(status, headers, body) of one request on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.http_port, timeout=PATIENCE)
        try:
            sent = dict(headers or {})
            if host is not None:
                sent["Host"] = host
            connection.request(method, path, body=body, headers=sent)
            response = connection.getresponse()
            return response.status, response.headers, response.read().decode("utf-8")
        finally:
            connection.close()

    def status(self, path, **more):
        return self.request(path, **more)[0]

    def snapshot(self, query=""):
        status, _, body = self.request(f"/api/snapshot{query}")
        assert status == 200, body
        return json.loads(body)

    def metrics(self):
        status, _, body = self.request("/metrics")
        assert status == 200, body
        return body
