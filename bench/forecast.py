"""How far the forecasts of a running save are off: growth and duration, as expected on the way and as they came.

Each workload writes to a dataset in memory while saves run, and what INFO snapshot forecasts is noted every 50 ms. An
error is |forecast - actual| / actual; only forecasts from the first quarter of a save on count. Growth under 16 MB is
left out of the growth column: memory is handed out in chunks of 2 MiB, a few of them ahead.

The first save of each workload is slowed (rdb-key-save-delay), the others run as fast as they can. "band" is the share
of forecasts whose band held what came.

What was forecast before the fork is in rows of its own, from the second save on: the history's record of a save tells.
The second save has only a slowed one to learn from. Writers that begin after the fork are not in these rows.
"""

import argparse
import datetime
import statistics
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from lib.generator import Load, fill
from lib.servers import ROOT, Server, find_programs

QUARTER = 0.25
LEAST_GROWTH = 16 << 20
POLL_S = 0.05
SLEEPS = 50_000  # of the child in a slowed save, a tenth of a millisecond each
SETTLE_S = 3
# Name, kind of load, requests a second, seconds after BGSAVE that they begin.
WORKLOADS = [
    ("SET, 50,000 a second", "set", 50_000, -1),
    ("SET, 150,000 a second", "set", 150_000, -1),
    ("SET, as fast as it goes", "set", 0, -1),
    ("zipfian GET and SET", "zipf", 200_000, -1),
    ("INCR", "incr", 100_000, -1),
    ("APPEND", "append", 100_000, -1),
    ("DEL and SET of a new key", "del-set", 60_000, -1),
    ("new keys", "fill", 100_000, -1),
    ("a burst of SETs that begins later", "set", 150_000, 0.15),
]


@dataclass
class Forecast:
    progress: float
    growth: int
    low: int
    high: int
    duration_ms: int


@dataclass
class Watched:
    """One save: what was forecast on the way, and what came."""

    forecasts: list
    growth: int
    duration_ms: float
    before: Forecast | None = None  # what was forecast before the fork; None: there was nothing to learn from

    def late(self):
        return [f for f in self.forecasts if f.progress >= QUARTER]

    def growth_errors(self):
        if self.growth < LEAST_GROWTH:
            return []
        return [abs(f.growth - self.growth) / self.growth for f in self.late()]

    def duration_errors(self):
        return [abs(f.duration_ms - self.duration_ms) / self.duration_ms for f in self.late()]

    def in_band(self):
        return [f.low <= self.growth <= f.high for f in self.late()] if self.growth >= LEAST_GROWTH else []


def forecast_of(info):
    field = lambda name: int(info[f"snapshot_forecast_{name}"])  # noqa: E731
    progress = float(info["snapshot_forecast_progress"])
    return Forecast(progress, field("growth_bytes"), field("growth_low_bytes"), field("growth_high_bytes"),
                    field("duration_ms"))  # fmt: skip


def forecast_before_fork(client):
    """That of the last save, as the history has it: there the band is not kept."""
    [flat] = client.call("SNAPSHOT", "HISTORY", 1)
    record = dict(zip(flat[::2], flat[1::2]))
    if b"forecast_growth_bytes" not in record:
        return None
    return Forecast(0, record[b"forecast_growth_bytes"], 0, 0, record[b"forecast_duration_ms"])


def watch_save(client, on_begin=None, begin_after_s=0.0):
    begun = time.monotonic()
    client.call("BGSAVE", "FORCE")
    forecasts, growth = [], 0
    while True:
        info = client.info("snapshot")
        growth = max(growth, int(info["snapshot_growth_bytes"]))
        now = time.monotonic()
        if on_begin and now - begun >= begin_after_s:
            on_begin()
            on_begin = None
        if info["snapshot_state"] != "running":
            break
        if "snapshot_forecast_duration_ms" in info:
            forecasts.append(forecast_of(info))
        time.sleep(POLL_S)
    if info["snapshot_state"] != "ok":
        raise RuntimeError(f"the save ended with {info['snapshot_state']}: {info['snapshot_error']}")
    return Watched(forecasts, growth, (now - begun) * 1000, forecast_before_fork(client))


def measure(server, workload, options):
    _, kind, rate, later_s = workload
    saves = []
    with server.client() as client:
        fill(server, options.keys, 100, integers=kind == "incr")
        for number in range(options.saves):
            slowed = number == 0
            client.call("CONFIG", "SET", "rdb-key-save-delay", -(options.keys // SLEEPS) if slowed else 0)
            time.sleep(SETTLE_S)
            # New keys get a name that no key has yet.
            first = options.keys * 100 * (number + 1)
            seed = {"seed": number + 1}
            if kind == "fill":
                load = Load(server, "del-set", 1, rate=rate, duration=60, first_new=first, **seed)
            else:
                load = Load(server, kind, options.keys, rate=rate, duration=60, first_new=first, **seed)
            if later_s < 0:
                load.go()
                time.sleep(1.5)
                saves.append(watch_save(client))
            else:
                saves.append(watch_save(client, load.go, later_s * (10 if slowed else 1)))
            load.stop()
    return saves


def percent(values, of=statistics.median):
    return f"{100 * of(values):.1f} %" if values else "-"


def before_fork_row(name, saves):
    saves = [save for save in saves if save.before]
    if not saves:
        return []
    high = lambda values: sorted(values)[int(len(values) * 0.9)]  # noqa: E731
    off = lambda forecast, actual: abs(forecast - actual) / actual  # noqa: E731
    growth = [off(save.before.growth, save.growth) for save in saves if save.growth >= LEAST_GROWTH]
    duration = [off(save.before.duration_ms, save.duration_ms) for save in saves]
    megabytes = statistics.median(abs(save.before.growth - save.growth) for save in saves) / (1 << 20)
    return [
        f"| {name} | {len(saves)} saves | {len(growth)} | {percent(growth)} | {percent(growth, high)} "
        f"| {megabytes:.1f} MB | {percent(duration)} | {percent(duration, high)} |"
    ]


def before_fork_table(measured):
    known = [saves for (*_, later_s), saves in measured if later_s < 0]
    rows = before_fork_row("second save, after a slowed one", [save for saves in known for save in saves[1:2]])
    rows += before_fork_row("third save and later", [save for saves in known for save in saves[2:]])
    if not rows:
        return []
    return [
        "",
        "Before the fork, from the second save on:",
        "",
        "| forecast before | | of them that grew 16 MB | growth: median error | 90th percentile "
        "| growth, all: median error | duration: median error | 90th percentile |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
        *rows,
    ]


def report(measured, options, command):
    lines = [
        "# Forecasts of running saves, and what came",
        "",
        f"{datetime.date.today()}: `{command}`",
        "",
        f"{options.keys:,} keys of 16 bytes with values of 100, {options.saves} saves each, the first of them slowed.",
        "Error of all forecasts made from the first quarter of a save on.",
        "",
        "| workload | growth | forecasts | growth: median error | 90th percentile | in the band "
        "| duration: median error | 90th percentile |",
        "|---|---:|---:|---:|---:|---:|---:|---:|",
    ]
    high = lambda values: sorted(values)[int(len(values) * 0.9)]  # noqa: E731
    every_growth, every_duration, every_band = [], [], []
    for (name, *_), saves in measured:
        growth = [error for save in saves for error in save.growth_errors()]
        duration = [error for save in saves for error in save.duration_errors()]
        band = [inside for save in saves for inside in save.in_band()]
        every_growth += growth
        every_duration += duration
        every_band += band
        sizes = " ".join(f"{save.growth >> 20}" for save in saves)
        lines.append(
            f"| {name} | {sizes} MB | {len(duration)} | {percent(growth)} | {percent(growth, high)} "
            f"| {percent(band, statistics.mean)} | {percent(duration)} | {percent(duration, high)} |"
        )
    lines.append(
        f"| **all** | | {len(every_duration)} | **{percent(every_growth)}** | {percent(every_growth, high)} "
        f"| {percent(every_band, statistics.mean)} | **{percent(every_duration)}** | {percent(every_duration, high)} |"
    )
    return "\n".join(lines + before_fork_table(measured)) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="scripts/bench forecast", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("--keys", type=int, default=3_000_000, help="size of the dataset (default 3 million)")
    parser.add_argument("--saves", type=int, default=3, help="for each workload (default 3)")
    parser.add_argument("--quick", action="store_true", help="a million keys, two saves: does it work?")
    parser.add_argument("--only", help="workloads whose name holds this")
    parser.add_argument("--server", default="cowslip", help="a program's path")
    parser.add_argument("--output", type=Path, default=ROOT / "bench/results", help="folder of the result file")
    options = parser.parse_args()
    if options.quick:
        options.keys, options.saves = 1_000_000, 2
    [(name, program)] = find_programs([options.server])
    measured = []
    for workload in WORKLOADS:
        if options.only and options.only not in workload[0]:
            continue
        with Server(name, program, ["--snapshot-guard", "no"]) as server:
            measured.append((workload, measure(server, workload, options)))
        lines = report(measured[-1:], options, "").splitlines()
        print(*(line for line in lines if line.startswith(f"| {workload[0]} ")), flush=True)
    text = report(measured, options, " ".join(["scripts/bench forecast", *sys.argv[1:]]))
    kind = "forecast-quick" if options.quick or options.only else "forecast"
    path = options.output / f"{datetime.date.today():%Y-%m-%d}-{kind}.md"
    path.write_text(text)
    print(f"\n{text}\nwritten: {path}")


if __name__ == "__main__":
    main()
