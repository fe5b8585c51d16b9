"""A memory control group for one server: what the kernel charges it and its forked child for, each page once."""

import os
from contextlib import contextmanager
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


class MemoryGroup:
    """One group, of version 1 or 2 of the interface."""

    def __init__(self, folder, usage_file, anonymous_field):
        self.folder = folder
        self._usage = folder / usage_file
        self._anonymous_field = anonymous_field

    def add(self, pid):
        (self.folder / "cgroup.procs").write_text(str(pid))

    def files(self):
        """(usage file, statistics file, name of anonymous memory in it), for a program that reads them itself."""
        return self._usage, self.folder / "memory.stat", self._anonymous_field

    def usage_bytes(self):
        """Everything charged: anonymous memory, page tables, and the file cache of the snapshot being written."""
        return int(self._usage.read_text())

    def anonymous_bytes(self):
        """What cannot be given back without swap, and hence what an out-of-memory kill is about."""
        for line in (self.folder / "memory.stat").read_text().splitlines():
            name, value = line.split()
            if name == self._anonymous_field:
                return int(value)
        return 0


@contextmanager
def memory_group(name):
    """Makes a group, and removes it at the end, when its processes are gone. Yields None where that is forbidden."""
    group = make(name)
    try:
        yield group
    finally:
        if group:
            try:
                group.folder.rmdir()
            except OSError as error:
                print(f"left behind: {group.folder}: {error}")


def make(name):
    candidates = [
        (ROOT / "memory", "memory.usage_in_bytes", "total_rss"),
        (ROOT, "memory.current", "anon"),
    ]
    for parent, usage, anonymous in candidates:
        folder = parent / f"{name}-{os.getpid()}"
        try:
            folder.mkdir()
        except OSError:
            continue
        if (folder / usage).exists():
            return MemoryGroup(folder, usage, anonymous)
        folder.rmdir()
    return None
