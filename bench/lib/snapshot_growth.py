"""What a save under writes costs in memory: pages copied and total growth, for one kind of write after the other.

Three readings of "copied", all from outside:

- moved: virtual pages of the server that have another physical page after the writes than before the save (pagemap.py).
  A copy stays where it is, so it does not matter what the child has given back, or whether it still lives. It misses
  pages that were copied and then given back by the server: at most `gone`. It counts too much where the server gave
  pages back and took new ones in their place, or where the kernel moved them for reasons of its own (compaction,
  khugepaged): `alone` is the same figure for as many writes afterwards, without a save. It does not see what the
  child's own writes made the kernel copy; the other two do.
- private: the most Private_Dirty that the child ever had, less what it had in a save without writes (its buffers):
  pages that were copied, or that the server gave back. Exact for a child that keeps everything until its end; a child
  that gives pages back takes them out of this figure, and the maximum over time is less than was copied in total.
- faulted: minor faults of server and child x page size, less what the server's resident memory grew by, less the same
  in a save without writes. Counts every copy, and also faults that copied nothing, such as pages given back and touched
  again; a huge page that is filled is one fault.

Growth is the most that server and child together had more than before, each page once, while the child lived. Copies
that the server makes itself, in memory of its own, are growth but not copied pages.
"""

import math
import time
from dataclasses import dataclass

from lib import generator, pagemap
from lib.cgroup import memory_group
from lib.copy_sampler import CopySampler
from lib.generator import Load
from lib.pagemap import PAGE_BYTES
from lib.save_watch import Save
from lib.servers import Server
from lib.snapshot_steps import SERVER_ARGUMENTS, SETTLE_S

KINDS = ["set", "del-set", "expire", "incr", "append", "zipf"]
# What a sleep of "one microsecond" takes: the kernel's timer slack and a switch.
SLEEP_S = 60e-6
# The slowed save shall outlast the writes by so much, and is slowed further when it did not.
OUTLAST = 2
ATTEMPTS = 3


@dataclass
class GrowthRun:
    """One save under writes. Bytes, but for what says otherwise."""

    kind: str
    key_save_delay: int  # rdb-key-save-delay: 0 is the save's own speed
    save_s: float | None  # None when it was ended after the writes
    writes_s: float
    served: int  # requests answered while the save ran
    requests: int
    written: int  # keys and values of those
    growth: int
    moved: int | None
    gone: int | None
    alone: int | None
    private: int
    faulted: int

    @property
    def fits(self):
        return self.served == self.requests

    @property
    def copied(self):
        """The best figure there is: by frames where they can be read, or else the larger of the others."""
        return self.moved if self.moved is not None else max(self.private, self.faulted)

    @property
    def growth_ratio(self):
        return self.growth / self.written


class GrowthBench:
    """Measures one server. Each run has a server of its own, freshly loaded."""

    def __init__(self, name, program, options):
        self._name = name
        self._program = program
        self._options = options
        self._quiet = None  # what a save without writes costs

    def measure(self, kind):
        """Returns one run at the save's own speed and, if not all writes were served during it, a slowed one."""
        runs = [self._run(kind, 0)]
        delay = 0
        for _ in range(ATTEMPTS):
            if runs[-1].fits:
                break
            delay = self._slower(runs[0]) if not delay else slower_still(delay)
            runs = [runs[0], self._run(kind, delay)]
        return runs

    def _slower(self, run):
        """A key-save-delay that makes the save outlast the writes: -n sleeps after one key in n, n so many microseconds
        after each."""
        rate = run.served / run.save_s if run.served else run.requests / run.writes_s
        sleeping_s = max(1.0, OUTLAST * run.requests / rate - run.save_s)
        keys = self._options.keys
        if run.kind in generator.AGGREGATES:
            keys = generator.aggregate_keys(run.kind, keys)
        if keys * SLEEP_S < sleeping_s:
            return math.ceil(1e6 * sleeping_s / keys)
        return -max(1, int(keys * SLEEP_S / sleeping_s))

    def _run(self, kind, delay):
        options = self._options
        with memory_group("cowslip-bench") as group, Server(self._name, self._program, SERVER_ARGUMENTS) as server:
            if group:
                group.add(server.pid)
            fill(server, kind, options)
            time.sleep(SETTLE_S)
            with server.client() as client:
                self._quiet = self._quiet or quiet_figures(client, server, group)
                client.call("CONFIG", "SET", "rdb-key-save-delay", delay)
                run = self._save_under_writes(kind, delay, server, client, group)
                if not delay:
                    run.alone, _ = self._writes_alone(kind, server)
        return run

    def _load(self, server, kind, seed):
        options = self._options
        return Load(server, kind, options.keys, count=options.writes, value_bytes=options.value_bytes, seed=seed,
                    first_new=options.keys + seed * options.writes)  # fmt: skip

    def _save_under_writes(self, kind, delay, server, client, group):
        load = self._load(server, kind, seed=1)
        before = pagemap.frames(server.pid)
        sampler = CopySampler(server.pid, group)
        save = Save(client, server.pid)
        load.go()
        sampler.start(save)
        result = load.result()
        all_served = save.alive
        sampler.exact_now()
        moved, gone = moved_bytes(before, pagemap.frames(server.pid))
        save_s = self._end(save, delay)
        figures = sampler.stop()
        served = result.requests if all_served else result.completed_by(save.ended_s)
        return GrowthRun(
            kind, delay, save_s, result.seconds, served, result.requests,
            int(result.written_bytes * served / result.requests), figures.growth, moved, gone, None,
            max(0, figures.private_dirty - self._quiet.private_dirty), max(0, figures.faulted - self._quiet.faulted),
        )  # fmt: skip

    @staticmethod
    def _end(save, delay):
        """Returns how long the save took. Nobody waits for a slowed one: after the writes it only costs time."""
        if delay:
            save.kill()
            return None
        return save.wait().seconds

    def _writes_alone(self, kind, server):
        before = pagemap.frames(server.pid)
        self._load(server, kind, seed=2).go().result()
        return moved_bytes(before, pagemap.frames(server.pid))


def slower_still(delay):
    return 4 * delay if delay > 0 else min(-1, delay // 4)


def fill(server, kind, options):
    if kind in generator.AGGREGATES:
        generator.fill_aggregates(server, kind, options.keys, options.value_bytes)
    else:
        generator.fill(server, options.keys, options.value_bytes, integers=kind == "incr")


def moved_bytes(before, after):
    """Returns what moved, and what is gone; None for both where the kernel does not tell."""
    if before is None or after is None:
        return None, None
    moves = pagemap.compare(before, after)
    return moves.moved * PAGE_BYTES, moves.gone * PAGE_BYTES


def quiet_figures(client, server, group):
    sampler = CopySampler(server.pid, group)
    save = Save(client, server.pid)
    sampler.start(save)
    save.wait()
    return sampler.stop()
