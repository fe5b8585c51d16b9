"""Watches from outside what a save under writes costs in memory, in a thread of its own.

Cheap readings, every 20 ms: memory of server and child together, page faults of both. The child's Private_Dirty walks
its page tables, so it gets a tenth of the time; with many keys that is one reading a second, and exact_now() takes one
when it matters most.
"""

import threading
import time
from dataclasses import dataclass

from lib import procfs

INTERVAL_S = 0.02
COSTLY_SHARE = 0.1


@dataclass
class CopyFigures:
    """Bytes. What a save did to memory, up to its end."""

    growth: int = 0  # the most that server and child together had more than before
    private_dirty: int = 0  # the most pages that the child alone had
    faulted: int = 0  # page faults of both x page size, less what the server grew by


class CopySampler:
    """Made before the save, started with it. `figures` is complete after stop()."""

    def __init__(self, server_pid, group):
        self._pid = server_pid
        self._group = group
        self._child = None
        self._lock = threading.Lock()
        self._next_costly_s = 0.0
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._resident = procfs.resident_bytes(server_pid)
        self._faults = procfs.minor_faults(server_pid)
        self._together = self._measure_together([])
        self.figures = CopyFigures()

    def start(self, save):
        self._child = save.child
        self._save = save
        self._thread.start()

    def stop(self):
        self._stopped.set()
        self._thread.join()
        return self.figures

    def exact_now(self):
        """One costly reading; nothing when the child is gone."""
        begun = time.monotonic()
        try:
            private = procfs.private_dirty_bytes(self._child)
            together = None if self._group else self._measure_together([self._child])
        except (FileNotFoundError, ProcessLookupError):
            return
        took_s = time.monotonic() - begun
        with self._lock:
            self._next_costly_s = begun + took_s / COSTLY_SHARE
            self.figures.private_dirty = max(self.figures.private_dirty, private)
            if together is not None:
                self.figures.growth = max(self.figures.growth, together - self._together)

    def _run(self):
        while self._save.alive and not self._stopped.is_set():
            try:
                self._cheap_reading()
            except (FileNotFoundError, ProcessLookupError, IndexError):
                return  # the child is gone
            if time.monotonic() >= self._next_costly_s:
                self.exact_now()
            self._stopped.wait(INTERVAL_S)

    def _cheap_reading(self):
        child_faults = procfs.minor_faults(self._child)
        faults = procfs.minor_faults(self._pid) - self._faults + child_faults
        grown = procfs.resident_bytes(self._pid) - self._resident
        together = self._measure_together([self._child]) if self._group else None
        if not self._save.alive:
            return
        with self._lock:
            self.figures.faulted = max(self.figures.faulted, faults * procfs.PAGE_BYTES - grown)
            if together is not None:
                self.figures.growth = max(self.figures.growth, together - self._together)

    def _measure_together(self, children):
        """Each page once. Without a control group by Pss, which is costly."""
        if self._group:
            return self._group.anonymous_bytes() + procfs.shared_memory_bytes(self._pid)
        return sum(procfs.proportional_bytes(pid) for pid in [self._pid, *children])
