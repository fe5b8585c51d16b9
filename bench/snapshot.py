"""What a background save costs, from outside, for Cowslip and redis-server in one run.

One server runs at a time, with the same keys (16 bytes) and values (100 random bytes) from the same seed. Everything is
measured with clients' clocks and /proc; what a server says about itself is only shown as a cross-check of the fork's
pause. Steps, for --only:

  fork        resident memory, and the pause of the fork: the longest that a ping waited of 20,000 a second that are due
              at fixed times; cross-checks: the reply time of BGSAVE, latest_fork_usec
  save        BGSAVE with nobody writing, from the command to the child's death; dd of the same file to the same disk
  throughput  SETs per second during a save and before it (50 connections, pipeline of 16); the pause of the fork after
  latency     p99.9 of 20,000 SETs a second that are due at fixed times, during a save and before it
  drift       resident memory after each of 20 saves under writes
  load        DEBUG RELOAD NOSAVE, and the start of a process until it answers PING
  growth      pages copied and growth by writes during a save, per kind of write: see lib/snapshot_growth.py.
              When the save ends before the writes it is repeated with a save that is slowed by rdb-key-save-delay

With --types, only growth, of lists, hashes, sets and sorted sets: small ones of 16 elements and ten big ones, of which
random elements are changed (bench/load/aggregate_workload.h). --keys and --writes count elements then.

The targets are meant for the 10 million keys of the default; --keys 1000000 is for every day.
"""

import argparse
import datetime
import sys
from pathlib import Path

from lib import snapshot_report as report
from lib import snapshot_steps as steps
from lib.generator import AGGREGATES
from lib.servers import ROOT, Server, find_programs
from lib.snapshot_growth import KINDS, GrowthBench
from lib.snapshot_steps import SERVER_ARGUMENTS, Record

STEPS = ["fork", "save", "throughput", "latency", "drift", "load", "growth"]
FULL_KEYS = 10_000_000
TYPES_ELEMENTS = 2_000_000
VALUE_BYTES = 100
# Steps that leave the dataset's shape as it was. The first one meets a heap that nobody has overwritten yet.
REPEATED = {
    "fork": steps.fork,
    "save": steps.quiet_save,
    "throughput": steps.throughput,
    "latency": steps.latency,
}


def say(record, text):
    print(f"{datetime.datetime.now():%H:%M:%S} {record.server}: {text}", flush=True)


def measure(name, program, options):
    """All steps for one server. Returns its Record and its growth runs."""
    record = Record(name)
    with Server(name, program, SERVER_ARGUMENTS) as server:
        record.version = server.version()
        if set(options.only) != {"growth"}:
            measure_one_process(record, server, options)
    runs = []
    if "growth" in options.only:
        bench = GrowthBench(name, program, options)
        for kind in options.kinds:
            say(record, f"growth: {kind}")
            runs += bench.measure(kind)
    return record, runs


def measure_one_process(record, server, options):
    say(record, f"loading {options.keys:,} keys")
    steps.load_dataset(record, server, options)
    with server.client() as client:
        for repeat in range(options.repeat):
            for name, step in REPEATED.items():
                if name in options.only:
                    say(record, name)
                    step(record, server, client, options, repeat)
        if "drift" in options.only:
            say(record, f"drift: {options.saves} saves")
            steps.drift(record, server, client, options)
    if "load" in options.only:
        say(record, "load")
        steps.reload(record, server, options)


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench snapshot", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    words = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--keys", type=int, help="size of the dataset (default 10 million; of --types 2 million)")
    parser.add_argument("--types", action="store_true", help="growth of lists, hashes, sets and sorted sets")
    parser.add_argument("--writes", type=int, help="writes per save in growth and drift (default: a tenth of the keys)")
    parser.add_argument("--only", type=words, default=STEPS, help="steps, such as fork,growth (default: all)")
    parser.add_argument("--kinds", type=words, help=f"of growth: {','.join(KINDS)}, with --types "
                        f"{','.join(AGGREGATES)} (default: all)")  # fmt: skip
    parser.add_argument("--repeat", type=int, default=3, help="of the other steps (default 3)")
    parser.add_argument("--saves", type=int, default=20, help="of drift (default 20)")
    parser.add_argument("--before-s", type=float, default=5, help="measured before a save (default 5 seconds)")
    parser.add_argument("--quick", action="store_true", help="200,000 keys, everything once: does it work?")
    parser.add_argument("--servers", type=words, default=["redis", "cowslip"],
                        help="redis, cowslip, or a program's path (default both)")  # fmt: skip
    parser.add_argument("--output", type=Path, default=ROOT / "bench/results", help="folder of the result files")
    return checked(parser, parser.parse_args())


def checked(parser, options):
    kinds = AGGREGATES if options.types else KINDS
    options.kinds = options.kinds or kinds
    options.keys = options.keys or (TYPES_ELEMENTS if options.types else FULL_KEYS)
    if options.types:
        options.only = ["growth"]
    for chosen, known in [(options.only, STEPS), (options.kinds, kinds)]:
        if unknown := set(chosen) - set(known):
            parser.error(f"no {', '.join(sorted(unknown))}, only {', '.join(known)}")
    whole = options.types or set(options.only) == set(STEPS)
    options.partial = not whole or set(options.kinds) != set(kinds) or len(options.servers) < 2
    if options.quick:
        options.keys, options.repeat, options.saves, options.before_s = 200_000, 1, 3, 1
    options.writes = options.writes or options.keys // 10
    options.value_bytes = VALUE_BYTES
    return options


def result_stem(options):
    """Neither a quick try nor a part may replace a result, nor the everyday size that of the targets."""
    kind = "snapshot" if options.keys == FULL_KEYS else f"snapshot-{options.keys}"
    if options.types:
        kind = "snapshot-types"
    if options.quick or options.partial:
        kind = "snapshot-quick"
    return options.output / f"{datetime.date.today():%Y-%m-%d}-{kind}"


def main():
    options = parse_options()
    measured = [measure(name, program, options) for name, program in find_programs(options.servers)]
    command = " ".join(["scripts/bench snapshot", *sys.argv[1:]])
    text = report.markdown(measured, options, command)
    options.output.mkdir(parents=True, exist_ok=True)
    stem = result_stem(options)
    stem.with_suffix(".md").write_text(text)
    report.write_csv(stem.with_suffix(".csv"), measured)
    print(f"\n{text}\nwritten: {stem}.md, .csv")


if __name__ == "__main__":
    main()
