"""Watches the memory of a server and of its forked child from outside, in a thread of its own."""

import threading
import time
from dataclasses import dataclass

from lib import procfs

# Reading proportional memory holds the server's memory lock, so it may take at most this share of the time.
COSTLY_SHARE = 0.02


@dataclass
class MemorySample:
    """Bytes; None where it was not measured at this moment."""

    at_s: float
    server_resident: int
    child_resident: int
    server_proportional: int | None = None
    child_proportional: int | None = None
    group_usage: int | None = None
    group_anonymous: int | None = None


class Sampler:
    """Samples from start() until stop(); `samples` is complete after stop()."""

    def __init__(self, pid, group, interval_s):
        self._pid = pid
        self._group = group
        self._interval_s = interval_s
        self._next_costly_s = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.samples = []

    def start(self):
        self._thread.start()

    def stop(self):
        self._stopped.set()
        self._thread.join()

    def _run(self):
        while not self._stopped.is_set():
            try:
                self.samples.append(self._sample())
            except (FileNotFoundError, ProcessLookupError, IndexError):
                pass  # The child ended between two reads: the next sample tells.
            self._stopped.wait(self._interval_s)

    def _sample(self):
        now = time.monotonic()
        children = procfs.children(self._pid)
        sample = MemorySample(now, procfs.resident_bytes(self._pid), sum(map(procfs.resident_bytes, children)))
        if self._group:
            sample.group_usage = self._group.usage_bytes()
            sample.group_anonymous = self._group.anonymous_bytes()
        if now >= self._next_costly_s:
            sample.server_proportional = procfs.proportional_bytes(self._pid)
            sample.child_proportional = sum(map(procfs.proportional_bytes, children))
            cost_s = time.monotonic() - now
            self._next_costly_s = now + max(0.1, cost_s / COSTLY_SHARE)
        return sample
