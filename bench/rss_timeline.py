"""Memory of a server and its child during a BGSAVE under writes, seen from outside, for Cowslip and redis-server.

Each server in turn is loaded with the same keys. At second 0 it gets BGSAVE and, at once, a fixed number of random
SETs from redis-benchmark. Meanwhile resident memory (Rss), proportional memory (Pss) and, where a memory group can be
made, what the kernel charges server and child together are sampled. Writes a CSV, a summary and an SVG.
"""

import argparse
import csv
import datetime
import sys
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from lib import load
from lib.cgroup import memory_group
from lib.sampler import MemorySample, Sampler
from lib.servers import ROOT, Server, find_programs
from lib.svg_plot import Panel, Plot, Series

VALUE_BYTES = 100
MB = 1e6


@dataclass
class Timeline:
    """One server's run. Times are seconds since BGSAVE."""

    server: str
    version: str
    samples: list
    save_s: float
    written: int
    fork_us: int
    reported_cow: int
    before: int
    peak: int
    measure: str

    @property
    def growth(self):
        return self.peak - self.before


def together(sample):
    """Memory of server and child with each page counted once: the group's, or else the sum of Pss. None if unknown."""
    if sample.group_anonymous is not None:
        return sample.group_anonymous
    if sample.server_proportional is not None:
        return sample.server_proportional + (sample.child_proportional or 0)
    return None


def record(name, program, options):
    with memory_group("cowslip-bench") as group, Server(name, program) as server, server.client() as client:
        if group:
            group.add(server.pid)
        print(f"{name}: loading {options.keys:,} keys of {VALUE_BYTES} bytes", flush=True)
        load.fill(client, options.keys, VALUE_BYTES)
        sampler = Sampler(server.pid, group, options.interval_ms / 1000)
        sampler.start()
        time.sleep(options.margin_s)
        begun, save_s, written = save_under_writes(client, server, options)
        time.sleep(options.margin_s)
        sampler.stop()
        info = client.info()
        version = server.version()
    for sample in sampler.samples:
        sample.at_s -= begun
    return summarize(name, version, sampler.samples, save_s, written, info)


def save_under_writes(client, server, options):
    """Returns when the save began, how long it took, and how many writes were served while it ran."""
    before = int(client.info("stats")["total_commands_processed"])
    begun = time.monotonic()
    client.call("BGSAVE")
    command = ["SET", "key:__rand_int__", "v" * VALUE_BYTES]
    writer = load.start_benchmark(server.port, command, options.writes, pipeline=16, keys=options.keys)
    polls = 1
    while client.info("persistence")["rdb_bgsave_in_progress"] != "0":
        polls += 1
        time.sleep(0.05)
    save_s = time.monotonic() - begun
    served = int(client.info("stats")["total_commands_processed"]) - before - polls
    load.requests_per_second(writer)
    return begun, save_s, max(0, min(served, options.writes))


def summarize(name, version, samples, save_s, written, info):
    measured = [(sample.at_s, together(sample)) for sample in samples if together(sample) is not None]
    before = [value for at_s, value in measured if at_s <= 0][-1]
    peak = max(value for at_s, value in measured if 0 <= at_s <= save_s + 0.2)
    measure = "control group, anonymous" if samples[-1].group_anonymous is not None else "sum of Pss"
    cow = int(info.get("rdb_last_cow_size", 0))
    fork_us = int(info.get("latest_fork_usec", 0))
    return Timeline(name, version, samples, save_s, written, fork_us, cow, before, peak, measure)


def panel(run):
    def points(read):
        return [(s.at_s, read(s) / MB) for s in run.samples if read(s) is not None]

    child = [(s.at_s, s.child_resident / MB) for s in run.samples if s.child_resident]
    series = [Series("server, resident", points(lambda s: s.server_resident))]
    if child:
        series.append(Series("child, resident", child))
    series.append(Series("both together, each page once", points(together)))
    # Beside the save, where no line is in the way.
    rise_at = run.save_s + (run.samples[-1].at_s - run.samples[0].at_s) / 40
    rise = (rise_at, run.before / MB, run.peak / MB, f"+{run.growth / MB:,.0f} MB")
    return Panel(f"{run.server} {run.version}", series, (0, run.save_s, "background save"), rise)


def plot(runs, options):
    title = f"Memory while {options.keys / 1e6:g} M keys are saved in the background"
    subtitle = f"{VALUE_BYTES}-byte values; {options.writes:,} random SETs begin with the save"
    return Plot(title, subtitle, "seconds since BGSAVE", "megabytes", [panel(run) for run in runs])


def summary(runs, options):
    lines = [
        "# Memory during a background save",
        "",
        f"{datetime.date.today()}: `{' '.join(['scripts/bench rss-timeline', *sys.argv[1:]])}`",
        "",
        f"{options.keys:,} keys of {VALUE_BYTES} bytes; {options.writes:,} random SETs begin with the save.",
        f"Growth is the most that server and child together had more than before ({runs[0].measure}).",
        "",
        "| | save | fork | writes during it | before | growth | reported `rdb_last_cow_size` |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for run in runs:
        lines.append(
            f"| {run.server} {run.version} | {run.save_s:.1f} s | {run.fork_us / 1000:.1f} ms | {run.written:,} "
            f"| {run.before / MB:,.0f} MB | {run.growth / MB:,.0f} MB | {run.reported_cow / MB:,.0f} MB |"
        )
    return "\n".join(lines) + "\n"


def write_csv(path, runs):
    names = [field.name for field in fields(MemorySample)]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["server", *names])
        for run in runs:
            for sample in run.samples:
                values = asdict(sample) | {"at_s": f"{sample.at_s:.3f}"}
                writer.writerow([run.server, *("" if values[n] is None else values[n] for n in names)])


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench rss-timeline", description=__doc__.splitlines()[0])
    parser.add_argument("--keys", type=int, default=1_000_000, help="size of the dataset (default 1 million)")
    parser.add_argument("--writes", type=int, help="random SETs during the save (default: a tenth of the keys)")
    parser.add_argument("--interval-ms", type=float, default=20, help="time between samples (default 20)")
    parser.add_argument("--margin-s", type=float, default=1.5, help="recorded before and after the save")
    parser.add_argument("--quick", action="store_true", help="100,000 keys: does it work?")
    parser.add_argument("--servers", type=lambda text: text.split(","), default=["redis", "cowslip"],
                        help="redis, cowslip, or a program's path (default both)")  # fmt: skip
    parser.add_argument("--output", type=Path, default=ROOT / "bench/results", help="folder of the result files")
    parser.add_argument("--image", type=Path, help="write the SVG here too, such as docs/images/rss-timeline.svg")
    options = parser.parse_args()
    if options.quick:
        options.keys = 100_000
    options.writes = options.writes or options.keys // 10
    return options


def main():
    options = parse_options()
    runs = [record(name, program, options) for name, program in find_programs(options.servers)]
    options.output.mkdir(parents=True, exist_ok=True)
    kind = "rss-timeline-quick" if options.quick else "rss-timeline"  # a try must not replace a result
    stem = options.output / f"{datetime.date.today():%Y-%m-%d}-{kind}"
    write_csv(stem.with_suffix(".csv"), runs)
    stem.with_suffix(".md").write_text(summary(runs, options))
    for path in [stem.with_suffix(".svg"), options.image]:
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(plot(runs, options).svg())
    print(f"\n{summary(runs, options)}\nwritten: {stem}.csv, .md, .svg")


if __name__ == "__main__":
    main()
