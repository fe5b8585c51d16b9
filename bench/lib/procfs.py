"""What the kernel says about a process: processor time and memory, read from /proc."""

import os
from dataclasses import dataclass
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class CpuTime:
    """Processor seconds of all threads of a process since its start."""

    user_s: float
    system_s: float

    def __sub__(self, other):
        return CpuTime(self.user_s - other.user_s, self.system_s - other.system_s)

    @property
    def total_s(self):
        return self.user_s + self.system_s


def cpu_time(pid):
    # The name in parentheses may hold spaces, so fields are counted from the last one.
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return CpuTime(int(fields[11]) / TICKS_PER_SECOND, int(fields[12]) / TICKS_PER_SECOND)


def run_time_s(pid):
    """Processor seconds of all threads that live, user and system together, as the scheduler counts them: finer than
    cpu_time(), whose ticks are hundredths of a second."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def resident_bytes(pid):
    """Rss: every page the process maps, shared ones in full. Cheap to read."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES


def proportional_bytes(pid):
    """Pss: a page shared by two processes counts half. The kernel walks the page tables for it: tens of ms per GB."""
    return _kilobytes(pid, "smaps_rollup", "Pss:")


def private_dirty_bytes(pid):
    """Written pages that no other process maps. The kernel walks the page tables for it: tens of ms per GB."""
    return _kilobytes(pid, "smaps_rollup", "Private_Dirty:")


def shared_memory_bytes(pid):
    """RssShmem: resident pages of shared memory, which no control group counts as anonymous."""
    return _kilobytes(pid, "status", "RssShmem:")


def huge_table_bytes(pid):
    """Pages of hugetlbfs, which Rss leaves out."""
    return _kilobytes(pid, "status", "HugetlbPages:")


def _kilobytes(pid, file, field):
    for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    return 0


def minor_faults(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[7])


def children(pid):
    """The process ids of the children of a process, of all its threads."""
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += [int(child) for child in (task / "children").read_text().split()]
    return found
