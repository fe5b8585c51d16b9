"""Experiment 5: the four policies of the server one by one, and redis-server beside them."""

import shutil
import time
from dataclasses import asdict, dataclass

from lib import generator, pagemap
from lib.cgroup import memory_group
from lib.copy_sampler import CopySampler
from lib.generator import Load
from lib.lab_report import MB, Check, Experiment, Table, mb
from lib.resp import ServerError
from lib.save_watch import Save
from lib.servers import COWSLIP, Server
from lib.snapshot_growth import SLEEP_S, moved_bytes
from lib.snapshot_steps import SERVER_ARGUMENTS, Record, fork_pause, resident_bytes
from lib.svg_bars import BarChart, Bars

POLICIES = ["huge-pages", "fresh-writes", "dismissal", "unshared-index"]
VALUE_BYTES = 100
# The slowed save is to last so many times as long as the writes, so that they meet it from its beginning to half.
OUTLAST = 2
MOST_WAITS = 20


@dataclass
class Outcome:
    """One server with some policies off. Bytes; the median where something was repeated."""

    label: str
    off: tuple
    resident: int
    fork_reported_ms: float  # latest_fork_usec
    fork_waited_ms: float  # a client's longest wait around it
    save_s: float  # at its own speed, nobody writing
    writes: int  # during the slowed save
    written: int
    child_private: int  # the most Private_Dirty of the child, less what it had in the quiet save
    moved: int | None  # pages of the server that have another frame than before
    faulted: int  # minor faults x page size, less new memory
    growth: int
    outlasted: bool  # the save was still running when the writes were done
    next_fork_ms: float

    @property
    def copied(self):
        """By frames where they can be read: a child that gives pages back takes them out of its Private_Dirty."""
        return self.moved if self.moved is not None else max(self.child_private, self.faulted)


def run(sizes):
    outcomes, notes = [], []
    if redis := shutil.which("redis-server"):
        outcomes.append(measure("redis-server", redis, None, sizes))
    else:
        notes.append("there is no redis-server here to compare with.")
    chosen = variants(sizes)
    if not can_be_switched():
        chosen = chosen[:1]
        notes.append("this server has no DEBUG SNAPSHOT-POLICY: its policies were measured together only.")
    outcomes += [measure(label, COWSLIP, off, sizes) for label, off in chosen]
    notes += [f"{o.label}: the save ended before the writes did." for o in outcomes if not o.outlasted]
    setting = (
        f"{sizes.keys:,} keys of 16 bytes with values of {VALUE_BYTES}; {sizes.policy_writes:,} random SETs, "
        f"{sizes.policy_rate:,} a second, begin with a save that is slowed (`rdb-key-save-delay`) to outlast them; "
        f"fork pauses are medians of {sizes.forks}."
    )
    title = "The four policies, one by one, in the server"
    records = [asdict(outcome) for outcome in outcomes]
    return Experiment(5, "policies", title, setting, [table(outcomes)], {"policies": chart(outcomes, sizes)},
                      checks(outcomes), records, notes)  # fmt: skip


def variants(sizes):
    """(label, the policies that are off)"""
    without = [(f"without {policy.replace('-', ' ')}", (policy,)) for policy in POLICIES if sizes.one_by_one]
    return [("Cowslip, all four", ()), *without, ("Cowslip, none", tuple(POLICIES))]


def can_be_switched():
    with Server("cowslip", COWSLIP, SERVER_ARGUMENTS) as server, server.client() as client:
        try:
            client.call("DEBUG", "SNAPSHOT-POLICY", POLICIES[0], "1")
        except ServerError:
            return False
    return True


def measure(label, program, off, sizes):
    print(f"   {label}", flush=True)
    with memory_group("cowslip-lab") as group, Server("lab", program, SERVER_ARGUMENTS) as server:
        if group:
            group.add(server.pid)
        with server.client() as client:
            for policy in off or ():
                client.call("DEBUG", "SNAPSHOT-POLICY", policy, "0")
            generator.fill(server, sizes.keys, VALUE_BYTES)
            time.sleep(sizes.settle_s)
            return measure_loaded(label, off, sizes, server, client, group)


def measure_loaded(label, off, sizes, server, client, group):
    record = Record(label)
    resident = resident_bytes(server)
    for _ in range(sizes.forks):
        fork_pause(record, server, client, "fork")
    save_s, quiet = quiet_save(server, client, group)
    wait_until_nothing_moves(server, sizes)
    result, figures, moved, outlasted = writes_during_save(sizes, server, client, group)
    fork_pause(record, server, client, "next_fork")
    return Outcome(
        label, off, resident, record.median("fork_reported_ms"), record.median("fork_ms"), save_s, result.requests,
        result.written_bytes, max(0, figures.private_dirty - quiet.private_dirty), moved,
        max(0, figures.faulted - quiet.faulted), figures.growth, outlasted, record.median("next_fork_ms"),
    )  # fmt: skip


def quiet_save(server, client, group):
    sampler = CopySampler(server.pid, group)
    save = Save(client, server.pid)
    sampler.start(save)
    save.wait()
    return save.seconds, sampler.stop()


def wait_until_nothing_moves(server, sizes):
    """After a save the server makes split huge pages whole again, and empties sparse chunks: that moves pages, too."""
    before = pagemap.frames(server.pid)
    for _ in range(MOST_WAITS):
        time.sleep(sizes.settle_s)
        after = pagemap.frames(server.pid)
        if not moved_bytes(before, after)[0]:
            return
        before = after


def writes_during_save(sizes, server, client, group):
    """Returns the load's result, the figures sampled, what moved, and whether the save outlasted the writes."""
    seconds = OUTLAST * sizes.policy_writes / sizes.policy_rate
    client.call("CONFIG", "SET", "rdb-key-save-delay", -max(1, int(sizes.keys * SLEEP_S / seconds)))
    load = Load(server, "set", sizes.keys, count=sizes.policy_writes, value_bytes=VALUE_BYTES, seed=sizes.seed,
                rate=sizes.policy_rate)  # fmt: skip
    before = pagemap.frames(server.pid)
    sampler = CopySampler(server.pid, group)
    save = Save(client, server.pid)
    load.go()
    sampler.start(save)
    result = load.result()
    outlasted = save.alive
    sampler.exact_now()
    moved, _ = moved_bytes(before, pagemap.frames(server.pid))
    save.kill()
    client.call("CONFIG", "SET", "rdb-key-save-delay", 0)
    return result, sampler.stop(), moved, outlasted


def table(outcomes):
    header = ["", "resident", "fork, ms (latest_fork_usec)", "fork, ms: a client's longest wait", "save, s",
              "copied (frames that moved)", "child's Private_Dirty", "faulted", "growth of both", "growth / written",
              "next fork, ms"]  # fmt: skip
    rows = [
        [
            o.label, mb(o.resident), f"{o.fork_reported_ms:.2f}", f"{o.fork_waited_ms:.2f}", f"{o.save_s:.2f}",
            "not readable" if o.moved is None else mb(o.moved, 1), mb(o.child_private, 1), mb(o.faulted, 1),
            mb(o.growth, 1), f"{o.growth / o.written:.2f}", f"{o.next_fork_ms:.2f}",
        ]
        for o in outcomes
    ]  # fmt: skip
    return Table(f"Sizes in MB; {mb(outcomes[0].written, 1)} MB of keys and values were written.", header, rows)


def chart(outcomes, sizes):
    def bars(title, value, form="{:,.1f}"):
        return Bars(title, [[(value(o), 1 if o.off is None else 0)] for o in outcomes], form)

    panels = [
        bars("fork, ms", lambda o: o.fork_waited_ms),
        bars("copied, MB", lambda o: o.copied / MB),
        bars("growth, MB", lambda o: o.growth / MB),
        bars("save, s", lambda o: o.save_s, "{:,.2f}"),
    ]
    during = f"{sizes.keys / 1e6:g} M keys, {sizes.policy_writes:,} random SETs during a save"
    subtitle = f"{during}; fork: a client's longest wait"
    return BarChart("The four policies, one by one", subtitle, [o.label for o in outcomes], panels)


def checks(outcomes):
    """Of memory only, with room for what the writers of the moment do: each policy has to earn its place."""
    by_off = {o.off: o for o in outcomes}
    whole = by_off.get(())
    found = []
    if redis := by_off.get(None):
        found.append(Check("all four: copied, share of what redis-server copies", whole.copied / redis.copied, 0, 0.35))
    if tuple(POLICIES) in by_off:
        none = by_off[tuple(POLICIES)]
        found.append(Check("none: copied, times what all four copy", none.copied / max(whole.copied, 1), 3, None))
        found.append(Check("none: growth, times that of all four", none.growth / max(whole.growth, 1), 1.2, None))
    for policy in ("fresh-writes", "unshared-index"):
        if (policy,) in by_off:
            other = by_off[(policy,)]
            text = f"without {policy.replace('-', ' ')}: copied, times what all four copy"
            found.append(Check(text, other.copied / max(whole.copied, 1), 1.5, None))
    return found
