"""Runs bench/load/load_generator.cc, and reads what it says. Its clock is time.monotonic()."""

import json
import signal
import subprocess
import tempfile
from array import array
from dataclasses import dataclass
from pathlib import Path

from lib.servers import ROOT

PROGRAM = ROOT / "build/release/bin/load_generator"


@dataclass
class LoadResult:
    """What a run of the generator came to. All times are of time.monotonic()."""

    started_s: float
    seconds: float
    requests: int
    written_bytes: int
    timeline_step_s: float
    timeline: list
    latencies: list  # (when due, seconds it took)

    def completed_by(self, at_s):
        """Requests that were answered until then, to a hundredth of a second."""
        step = int((at_s - self.started_s) / self.timeline_step_s)
        if step <= 0:
            return 0
        return self.timeline[min(step, len(self.timeline)) - 1]

    def rate(self, from_s, to_s):
        return (self.completed_by(to_s) - self.completed_by(from_s)) / (to_s - from_s)

    def waits(self, from_s, to_s):
        """Latencies of the requests that were due in this time, in seconds, sorted."""
        return sorted(wait_s for due_s, wait_s in self.latencies if from_s <= due_s <= to_s)


class Load:
    """A prepared load on a server. It begins with go(); result() waits for its end, and stop() brings it about."""

    def __init__(self, server, kind, keys, latencies=False, realtime=False, **options):
        self._file = tempfile.NamedTemporaryFile(prefix="bench-latencies-") if latencies else None
        command = [PROGRAM, "--wait", "--port", server.port, "--kind", kind, "--keys", keys]
        for name, value in options.items():
            command += [f"--{name.replace('_', '-')}", value]
        if self._file:
            command += ["--latencies", self._file.name]
        if realtime:
            command += ["--realtime"]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(list(map(str, command)), stdin=pipe, stdout=pipe, text=True)
        if self._process.stdout.readline() != "ready\n":
            raise RuntimeError(f"load_generator does not start: {command}")

    def go(self):
        self._process.stdin.write("go\n")
        self._process.stdin.flush()
        return self

    def stop(self):
        self._process.send_signal(signal.SIGTERM)
        return self.result()

    def result(self):
        output, _ = self._process.communicate()
        if self._process.returncode != 0:
            raise RuntimeError(f"load_generator failed: {output[:200]}")
        said = json.loads(output)
        said.pop("errors")
        return LoadResult(**said, latencies=self._latencies(said["started_s"]))

    def _latencies(self, started_s):
        if not self._file:
            return []
        numbers = array("I", Path(self._file.name).read_bytes())
        self._file.close()
        return [(started_s + due / 1e6, wait / 1e6) for due, wait in zip(numbers[::2], numbers[1::2])]


AGGREGATES = [f"{kind}-{size}" for kind in ("list", "hash", "set", "zset") for size in ("small", "big")]
# As bench/load/aggregate_workload.h has them.
SMALL_ELEMENTS = 16
BIG_KEYS = 10


def aggregate_keys(kind, elements):
    """How many keys hold so many elements."""
    return BIG_KEYS if kind.endswith("-big") else -(-elements // SMALL_ELEMENTS)


def fill_aggregates(server, kind, elements, value_bytes):
    """Makes the keys that loads of this kind change; `elements` is a multiple of 10."""
    each = elements // BIG_KEYS if kind.endswith("-big") else SMALL_ELEMENTS
    requests = aggregate_keys(kind, elements) * -(-each // SMALL_ELEMENTS)
    return Load(server, f"fill-{kind}", elements, count=requests, value_bytes=value_bytes).go().result()


def fill(server, keys, value_bytes, integers=False):
    kind = "fill-integers" if integers else "fill"
    return Load(server, kind, keys, count=keys, value_bytes=value_bytes).go().result()
