#!/usr/bin/env python3
"""A server in a memory control group that is too small for a save under writes: does it live, is all of its data there?

Each round sets the group's limit anew, starts a save, and writes as fast as it can while the save is at work. A model
keeps what was acknowledged, and reads it back. One process serves all rounds. Kinds of rounds:

  roomy   limit 1.3 x what the server uses: random SETs. The save has to end well
  tight   limit so that the growth of random SETs does not fit: the guard has to stop the save
  large   the same with SETRANGE in values of a megabyte, where each write makes the kernel copy a page
  killed  the guard is off, and SETRANGE in large values makes the kernel copy more than there is room for: it has to
          kill, and to take the child, which the copies go with
  small   the same with random SETs, for which the server itself takes the memory: killing the child gains what it
          holds to lose (docs/decisions/0009-forecast-and-guard.md)
  late    the same with new keys, when the child has saved nine tenths and given that memory back: it is no longer a
          large process

    tests/container/guard_test.py [--rounds N] [--keys N] [--redis] [--output FILE.md]

Without options it is the short version of CI. Exit code 77: no control group can be made here. With --redis,
redis-server takes one roomy round first, for comparison.
"""

import argparse
import datetime
import os
import random
import sys
import time
from array import array
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "bench"))

from lib import cgroup  # noqa: E402
from lib.resp import Client, ServerError, encode  # noqa: E402
from lib.servers import COWSLIP, Server, find_programs  # noqa: E402

MB = 1 << 20
BATCH = 100
LARGE_BYTES = MB
PIECE = 8
RESERVE = 32 * MB
PAD = random.Random(7).randbytes(88)
SKIPPED = 77
ROOM_TO_DIE = 8 * MB
ROOM_TO_DIE_LATE = 2 * MB  # of what little is still written to new memory


def key(number):
    return b"key:%012d" % number


class Model:
    """What was acknowledged: for each key the number of its last write, for each large value its bytes."""

    def __init__(self, keys, large):
        self.last = array("Q", [0]) * keys
        self.large = [bytearray(PAD * (LARGE_BYTES // len(PAD) + 1))[:LARGE_BYTES] for _ in range(large)]
        self.next = 1

    def value(self, number):
        return b"%012d" % self.last[number] + PAD


class Writer:
    """One connection with a batch of writes under way. Changes the model when they are acknowledged."""

    def __init__(self, port, model, seed):
        self.client = Client(port)
        self.model = model
        self.random = random.Random(seed)
        self.touched = set()
        self.longest_s = 0.0

    # `replies_ok` judges one reply.
    def _exchange(self, requests, count, replies_ok):
        sent = time.monotonic()
        self.client.send(requests)
        for _ in range(count):
            reply = self.client.read_reply()
            if not replies_ok(reply):
                raise ServerError(f"a write was answered with {reply!r}")
        self.longest_s = max(self.longest_s, time.monotonic() - sent)

    def fill(self, first, count):
        self._set(list(range(first, first + count)))

    def add_some(self):
        first = len(self.model.last)
        self.model.last.extend([0] * BATCH)
        self.fill(first, BATCH)

    def set_some(self):
        size = len(self.model.last)
        self._set([int(self.random.random() * size) for _ in range(BATCH)])

    def _set(self, numbers):
        begin = self.model.next
        self.model.next += len(numbers)
        template = b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$100\r\n%012d"
        requests = b"".join([template % (n, begin + i) + PAD + b"\r\n" for i, n in enumerate(numbers)])
        self._exchange(requests, len(numbers), lambda reply: reply in (b"OK", "OK"))
        for i, n in enumerate(numbers):
            self.model.last[n] = begin + i
        self.touched.update(numbers)

    def change_large(self):
        changes = []
        for _ in range(BATCH):
            number = self.random.randrange(len(self.model.large))
            at = self.random.randrange(LARGE_BYTES - PIECE)
            self.model.next += 1
            changes.append((number, at, b"%08d" % (self.model.next % 10**8)))
        requests = b"".join(encode("SETRANGE", f"large:{n}", str(at), piece) for n, at, piece in changes)
        self._exchange(requests, len(changes), lambda reply: reply == LARGE_BYTES)
        for n, at, piece in changes:
            self.model.large[n][at : at + PIECE] = piece


# The kinds of rounds in which the kernel has to kill, and what provokes it.
KILL_KINDS = {"killed": Writer.change_large, "small": Writer.set_some, "late": Writer.add_some}


def fill(server, model):
    writer = Writer(server.port, model, 1)
    for first in range(0, len(model.last), BATCH):
        writer.fill(first, min(BATCH, len(model.last) - first))
    for number, value in enumerate(model.large):
        writer.client.call("SET", f"large:{number}", bytes(value))


def lost(client, model, numbers):
    """How many of the acknowledged writes cannot be read back."""
    count = 0
    numbers = list(numbers)
    for first in range(0, len(numbers), 1000):
        batch = numbers[first : first + 1000]
        replies = client.call("MGET", *[key(n).decode() for n in batch])
        count += sum(reply != model.value(n) for n, reply in zip(batch, replies))
    for number, value in enumerate(model.large):
        count += client.call("GET", f"large:{number}") != bytes(value)
    return count


@dataclass
class Round:
    kind: str
    limit: int = 0
    used_before: int = 0
    seconds: float = 0.0
    writes: int = 0
    growth: int = 0
    outcome: str = ""
    why: str = ""
    least_room: int = 0
    longest_wait_s: float = 0.0
    lost: int = 0
    kills: int = 0
    problems: list = field(default_factory=list)


class Group:
    """The server's control group, of either version."""

    def __init__(self, group):
        self.folder = group.folder
        self.group = group
        self.v1 = (group.folder / "memory.limit_in_bytes").exists()

    def set_limit(self, limit):
        name = "memory.limit_in_bytes" if self.v1 else "memory.max"
        (self.folder / name).write_text(str(limit if limit else -1 if self.v1 else "max"))

    def tighten(self, room):
        """Leaves so much room, the page cache counted, once the kernel has reclaimed what it can. Returns the limit."""
        for _ in range(100):
            limit = self.used() + room
            try:
                self.set_limit(limit)
                return limit
            except OSError:  # version 1 refuses a limit that it cannot reclaim down to, as long as pages are dirty
                time.sleep(0.01)
        raise OSError("the limit cannot be set")

    def used(self):
        """What cannot be given back: all that is charged, less the page cache."""
        wanted = ("total_inactive_file", "total_active_file") if self.v1 else ("inactive_file", "active_file")
        lines = (line.split() for line in (self.folder / "memory.stat").read_text().splitlines())
        return self.group.usage_bytes() - sum(int(value) for name, value in lines if name in wanted)

    def kills(self):
        name = "memory.oom_control" if self.v1 else "memory.events"
        for line in (self.folder / name).read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
        return 0


def cancel_retry(client):
    """A BGSAVE that the guard stopped is scheduled again, and would begin in the next round."""
    try:
        client.call("BGSAVE", "CANCEL")
    except ServerError:
        pass  # there was none, or the server has no such word


def settle(client, group):
    """Waits until what the last save left in holes has gone back to the system."""
    cancel_retry(client)
    last, deadline = 0, time.monotonic() + 20
    while time.monotonic() < deadline:
        now = group.used()
        if abs(now - last) < MB:
            return
        last = now
        time.sleep(0.5)


def limit_for(kind, used):
    if kind == "roomy":
        return int(used * 1.3)
    # The guard keeps the reserve and a margin of 8 MB. What is left is less than the writes of a whole save come to.
    return used + RESERVE + (14 * MB if kind == "tight" else 64 * MB)


def run_round(kind, server, group, model, options, seed):
    result = Round(kind)
    client = server.client()
    settle(client, group)
    kills_before = group.kills()
    writer = Writer(server.port, model, seed)
    begun = time.monotonic()
    try:
        (save_until_killed if kind in KILL_KINDS else save_within_limit)(result, server, client, group, writer, options)
        result.seconds = time.monotonic() - begun
        info = client.info()
        result.outcome = info.get("snapshot_state") or info["rdb_last_bgsave_status"]
        result.why = info.get("snapshot_error", "")
        result.growth = int(info.get("snapshot_growth_bytes", 0))
        group.set_limit(0)
        result.lost = lost(client, model, writer.touched)
    except (OSError, EOFError, ServerError, ConnectionError) as error:
        result.outcome = f"the server is gone: {error}" if server._process.poll() is not None else f"{error}"
        result.problems.append(result.outcome)
        group.set_limit(0)
    result.longest_wait_s = writer.longest_s
    result.kills = group.kills() - kills_before
    judge(result, server, client)
    return result


def save_within_limit(result, server, client, group, writer, options):
    """A save under writes in a group that has room for it, or in which the guard has to stop it."""
    roomy = result.kind == "roomy"
    result.used_before = group.used()
    result.limit = result.least_room = limit_for(result.kind, result.used_before)
    group.set_limit(result.limit)
    if server.name == "cowslip":
        # A save that is to be stopped goes slowly, as on a slow disk, and is asked for against the guard's advice.
        client.call("CONFIG", "SET", "snapshot-guard", "yes")
        client.call("CONFIG", "SET", "rdb-key-save-delay", 0 if roomy else -1)
    client.call("BGSAVE") if roomy else client.call("BGSAVE", "FORCE")
    while not roomy or result.writes < options.writes:
        writer.change_large() if result.kind == "large" else writer.set_some()
        result.writes += BATCH
        if result.writes % (20 * BATCH) == 0:
            result.least_room = min(result.least_room, result.limit - group.used())
            if not roomy and not saving(client):
                break
    while saving(client):
        time.sleep(0.01)


def save_until_killed(result, server, client, group, writer, options):
    """Provokes the kernel to kill during a save."""
    late, kills_before = result.kind == "late", group.kills()
    client.call("CONFIG", "SET", "snapshot-guard", "no")
    client.call("CONFIG", "SET", "rdb-key-save-delay", -8)
    client.call("BGSAVE")
    time.sleep(0.1)  # the child has taken by now what it holds to lose
    while late and progress(client) < 0.9:
        time.sleep(0.01)
    result.used_before = group.used()
    result.limit = group.tighten(ROOM_TO_DIE_LATE if late else ROOM_TO_DIE)
    while group.kills() == kills_before and saving(client):
        KILL_KINDS[result.kind](writer)
        result.writes += BATCH
    while saving(client):
        time.sleep(0.01)
    result.least_room = result.limit - group.used()
    writer.set_some()  # it goes on to serve, in what little room the child has left


def saving(client):
    return client.info("persistence")["rdb_bgsave_in_progress"] != "0"


def progress(client):
    """Of the save at work. One that has ended is an error: nothing can be shown on it."""
    info = client.info("persistence")
    if info["rdb_bgsave_in_progress"] == "0":
        raise ServerError("the save ended too soon")
    return int(info["current_save_keys_processed"]) / max(int(info["current_save_keys_total"]), 1)


def judge(result, server, client):
    """Adds what is not as it has to be. A save that broke off has its problem already."""
    killing = result.kind in KILL_KINDS
    if killing and not result.problems:
        judge_words(result, server, client)
    wanted = "killed" if killing else "ok" if result.kind == "roomy" else "stopped by guard"
    if result.outcome != wanted:
        result.problems.append(f"the save ended with '{result.outcome}' instead of '{wanted}'")
    if result.lost:
        result.problems.append(f"{result.lost} acknowledged writes are lost")
    if result.kills != int(killing):
        result.problems.append(f"the kernel killed {result.kills} processes instead of {int(killing)}")
    look_for_leftovers(result, server)


def judge_words(result, server, client):
    """Whether everybody who asks is told that the kernel killed the child, by the same server as before."""
    said = "signal 9; the kernel's OOM killer struck in its control group"
    told = {
        "INFO": f"{result.outcome} {result.why}",
        "SNAPSHOT STATUS": repr(client.call("SNAPSHOT", "STATUS")),
        "SNAPSHOT HISTORY": repr(client.call("SNAPSHOT", "HISTORY", "1")),
        "the log": (server.folder / "log").read_text(errors="replace") + "killed",
    }
    for where, text in told.items():
        if said not in text or "killed" not in text:
            result.problems.append(f"{where} does not say what happened: {text[-300:]}")
    if client.info("server")["process_id"] != str(server.pid) or server._process.poll() is not None:
        result.problems.append("it is another server")


def look_for_leftovers(result, server):
    leftover = [file.name for file in server.folder.glob("temp-*")]
    if leftover:
        time.sleep(1)  # a thread removes large ones
        if any((server.folder / name).exists() for name in leftover):
            result.problems.append(f"left behind: {leftover}")


def experiment(name, program, kinds, options):
    """Runs the rounds. None where no control group can be made."""
    with cgroup.memory_group(f"guard-test-{name}") as made:
        if made is None:
            return None
        group = Group(made)
        rounds = []
        with Server(name, program) as server:
            made.add(server.pid)
            model = Model(options.keys, options.large if "large" in kinds else 0)
            fill(server, model)
            for number, kind in enumerate(kinds):
                rounds.append(run_round(kind, server, group, model, options, options.seed + number))
                say(name, number + 1, rounds[-1])
                if server._process.poll() is not None:
                    break
            else:
                with server.client() as client:
                    missing = lost(client, model, range(len(model.last)))
                if missing:
                    rounds[-1].problems.append(f"at the end {missing} acknowledged writes are lost")
        return rounds


def say(name, number, result):
    verdict = "ok" if not result.problems else "FAILED: " + "; ".join(result.problems)
    print(f"{name} {number} {result.kind}: limit {result.limit // MB} MB, used {result.used_before // MB} MB, "
          f"{result.writes} writes, growth {result.growth / MB:.0f} MB, least room {result.least_room / MB:.0f} MB, "
          f"longest wait {result.longest_wait_s * 1000:.0f} ms, {result.seconds:.1f} s, {result.outcome}: {verdict}"
          f"{' (' + result.why + ')' if result.why else ''}", flush=True)  # fmt: skip


def table(experiments, options):
    command = " ".join(["tests/container/guard_test.py", *sys.argv[1:]])
    lines = [
        f"`{command}`, {datetime.date.today()}, Linux {os.uname().release}, "
        f"{options.keys:,} keys of 16 bytes with values of 100 bytes, {options.large} values of a megabyte. "
        f"{options.writes:,} writes from the start of a save on, in "
        "tight and large rounds until it is stopped; in those it is slowed by rdb-key-save-delay. Every acknowledged "
        "write was read back.",
        "",
        "| server | round | limit / used | saves that ended well | stopped by the guard | child killed | server killed "
        "| acknowledged writes lost | growth, median (most) | least room, least of all | longest wait of 100 writes, "
        "median (most) |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for name, rounds in experiments:
        for kind in dict.fromkeys(r.kind for r in rounds):
            of_kind = [r for r in rounds if r.kind == kind]
            growth = sorted(r.growth for r in of_kind)
            waits = sorted(r.longest_wait_s * 1000 for r in of_kind)
            lines.append(
                f"| {name} | {kind} x {len(of_kind)} | {of_kind[0].limit / max(of_kind[0].used_before, 1):.2f} "
                f"| {sum(r.outcome == 'ok' for r in of_kind)} "
                f"| {sum(r.outcome == 'stopped by guard' for r in of_kind)} "
                f"| {sum(r.outcome == 'killed' for r in of_kind)} "
                f"| {sum('the server is gone' in r.outcome for r in of_kind)} | {sum(r.lost for r in of_kind)} "
                f"| {growth[len(growth) // 2] / MB:.0f} ({growth[-1] / MB:.0f}) MB "
                f"| {min(r.least_room for r in of_kind) / MB:.0f} MB "
                f"| {waits[len(waits) // 2]:.0f} ({waits[-1]:.0f}) ms |"
            )
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--kinds", default="roomy,tight,large,killed,small,late")
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--large", type=int, default=150, help="values of a megabyte (default 150)")
    parser.add_argument("--writes", type=int, help="per round (default: a third of the keys)")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("COWSLIP_SEED", time.time_ns() % 10**9)))
    parser.add_argument("--redis", action="store_true", help="redis-server first")
    parser.add_argument("--server", default=str(COWSLIP))
    parser.add_argument("--output", type=Path)
    options = parser.parse_args()
    options.writes = options.writes or options.keys // 3
    print(f"seed: {options.seed}; repeat with COWSLIP_SEED={options.seed}")
    kinds = options.kinds.split(",")
    experiments = []
    if options.redis:
        experiments.append(("redis", experiment(*find_programs(["redis"])[0], ["roomy"], options)))
    wanted = [kinds[i % len(kinds)] for i in range(options.rounds)]
    experiments.append(("cowslip", experiment("cowslip", options.server, wanted, options)))
    if experiments[-1][1] is None:
        print("skipped: no memory control group can be made here")
        return SKIPPED
    if options.output:
        title = "# Saves in a control group with little room\n"
        before = (options.output.read_text() if options.output.exists() else title) + "\n"
        options.output.write_text(before + table(experiments, options))
    failed = any(r.problems for r in experiments[-1][1])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
