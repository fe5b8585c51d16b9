"""What scripts/bench snapshot measures of one server, except memory growth: each step adds figures to a Record."""

import os
import statistics
import subprocess
import time
from collections import defaultdict

from lib import generator, procfs
from lib.generator import Load
from lib.save_watch import Save

GB = 1e9
PINGS_PER_SECOND = 20_000
PACED_SETS_PER_SECOND = 20_000
# Load before the first window, while connections and caches warm up.
WARM_UP_S = 0.5
# After a load, for what a server does when it has time.
SETTLE_S = 1.0
# A ping that was due so long before BGSAVE was sent, or after child and reply were there, may still have met the fork.
FORK_MARGIN_S = 0.002
# Of each repeat, because one costs little and a busy machine spoils some.
FORKS = 3
SERVER_ARGUMENTS = ["--enable-debug-command", "yes", "--stop-writes-on-bgsave-error", "no"]


class Record:
    """The figures of one server: name -> values of all repeats."""

    def __init__(self, server, version=""):
        self.server = server
        self.version = version
        self.values = defaultdict(list)

    def add(self, name, value):
        self.values[name].append(value)

    def median(self, name):
        return statistics.median(self.values[name]) if self.values.get(name) else None


def resident_bytes(server):
    return procfs.resident_bytes(server.pid) + procfs.huge_table_bytes(server.pid)


def percentile(ordered, share):
    """Of a sorted list; infinite for an empty one, so that nothing passes by not being measured."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("inf")


def load_dataset(record, server, options):
    empty = resident_bytes(server)
    generator.fill(server, options.keys, options.value_bytes)
    time.sleep(SETTLE_S)
    full = resident_bytes(server)
    record.add("resident_mb", full / 1e6)
    record.add("resident_per_key", full / options.keys)
    record.add("resident_per_key_net", (full - empty) / options.keys)


def fork_pause(record, server, client, label):
    """Pings at 20 kHz around a BGSAVE. The save is ended as soon as the fork is measured."""
    resident_gb = resident_bytes(server) / GB
    pings = Load(server, "ping", 1, rate=PINGS_PER_SECOND, connections=1, latencies=True, realtime=True).go()
    time.sleep(WARM_UP_S)
    save = Save(client, server.pid)
    time.sleep(0.05)
    result = pings.stop()
    save.kill()
    begun = save.sent_s - FORK_MARGIN_S
    pause_ms = 1e3 * percentile(result.waits(begun, max(save.replied_s, save.seen_s) + FORK_MARGIN_S), 1)
    reply_ms = 1e3 * (save.replied_s - save.sent_s)
    record.add(f"{label}_ms", pause_ms)
    record.add(f"{label}_ms_per_gb", pause_ms / resident_gb)
    record.add(f"{label}_reply_ms", reply_ms)
    record.add(f"{label}_reply_ms_per_gb", reply_ms / resident_gb)
    record.add(f"{label}_quiet_ms", 1e3 * percentile(result.waits(result.started_s + WARM_UP_S / 2, begun), 1))
    record.add(f"{label}_reported_ms", int(client.info("stats")["latest_fork_usec"]) / 1e3)


def fork(record, server, client, _options, _repeat):
    for _ in range(FORKS):
        fork_pause(record, server, client, "fork")


def quiet_save(record, server, client, _options, _repeat):
    """A save that nobody disturbs, and what the disk takes for as many bytes."""
    os.sync()
    save = Save(client, server.pid).wait()
    dump = server.folder / "dump.rdb"
    disk_s = write_like(dump)
    record.add("save_s", save.seconds)
    record.add("file_mb", dump.stat().st_size / 1e6)
    record.add("disk_s", disk_s)
    record.add("save_to_disk", save.seconds / disk_s)


def write_like(dump):
    """Seconds of writing the same bytes beside the file, with one sync at the end; they come from the page cache."""
    copy = dump.with_name("disk-speed")
    subprocess.run(["cat", str(dump)], stdout=subprocess.DEVNULL, check=True)
    os.sync()
    begun = time.monotonic()
    subprocess.run(["dd", f"if={dump}", f"of={copy}", "bs=1M", "conv=fdatasync", "status=none"], check=True)
    took_s = time.monotonic() - begun
    copy.unlink()
    return took_s


def throughput(record, server, client, options, repeat):
    """SETs as fast as they are taken, before and during a save; then the pause of the fork that follows."""
    load = Load(server, "set", options.keys, value_bytes=options.value_bytes, seed=1 + repeat).go()
    time.sleep(WARM_UP_S + options.before_s)
    save = Save(client, server.pid).wait()
    result = load.stop()
    before = result.rate(save.sent_s - options.before_s, save.sent_s)
    during = result.rate(save.sent_s, save.ended_s)
    record.add("sets_before", before)
    record.add("sets_during", during)
    record.add("sets_ratio", during / before)
    record.add("loaded_save_s", save.seconds)
    fork_pause(record, server, client, "next_fork")


def latency(record, server, client, options, repeat):
    """Paced SETs before and during a save, each from when it was due."""
    load = Load(server, "set", options.keys, value_bytes=options.value_bytes, seed=1 + repeat,
                rate=PACED_SETS_PER_SECOND, latencies=True).go()  # fmt: skip
    time.sleep(WARM_UP_S + options.before_s)
    save = Save(client, server.pid).wait()
    result = load.stop()
    before = 1e3 * percentile(result.waits(save.sent_s - options.before_s, save.sent_s), 0.999)
    during_waits = result.waits(save.sent_s, save.ended_s)
    during = 1e3 * percentile(during_waits, 0.999)
    record.add("p999_before_ms", before)
    record.add("p999_during_ms", during)
    record.add("worst_during_ms", 1e3 * percentile(during_waits, 1))
    record.add("p999_ratio", during / before)


def drift(record, server, client, options):
    """Saves under writes, one after the other; resident memory after each."""
    after = []
    for seed in range(options.saves):
        load = Load(server, "set", options.keys, value_bytes=options.value_bytes, seed=100 + seed, count=options.writes)
        save = Save(client, server.pid)
        load.go().result()
        save.wait()
        time.sleep(SETTLE_S / 2)
        after.append(resident_bytes(server))
        record.add("resident_after_save_mb", after[-1] / 1e6)
    record.add("drift_percent", 100 * (after[-1] / after[0] - 1))


def reload(record, server, options):
    """DEBUG RELOAD NOSAVE, and a new process on the same file."""
    with server.client() as client:
        Save(client, server.pid).wait()
    for _ in range(options.repeat):
        with server.client() as client:
            begun = time.monotonic()
            client.call("DEBUG", "RELOAD", "NOSAVE")
            record.add("reload_s", time.monotonic() - begun)
        record.add("load_s", server.restart())
        with server.client() as client:
            loaded = client.call("DBSIZE")
        if loaded != options.keys:
            raise RuntimeError(f"{server.name} loaded {loaded:,} of {options.keys:,} keys")
