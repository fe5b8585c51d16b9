"""The ledger against the kernel, for each kind of write that scripts/bench snapshot knows.

A server in a memory control group of its own is filled, saves while it is written to, and says in its history
(SNAPSHOT, docs/COW_HISTORY.md) what its ledger counted and what the kernel said at the same moment. Beside it stand
readings from outside, taken by this program, which the server knows nothing of. With huge pages and without.

Differences are (ledger - kernel) / kernel. A figure in brackets is of too little to be compared: 256 KiB of copies, 4
MiB of growth.
"""

import argparse
import datetime
import json
import os
import sys
import time
from pathlib import Path

from lib import generator
from lib.cgroup import memory_group
from lib.copy_sampler import CopySampler
from lib.generator import Load
from lib.save_watch import Save
from lib.servers import COWSLIP, ROOT, Server
from lib.snapshot_growth import KINDS, SLEEP_S
from lib.snapshot_steps import SERVER_ARGUMENTS, SETTLE_S

VALUE_BYTES = 100
LEAST_COPIED, LEAST_GROWTH = 256 << 10, 4 << 20
# Long enough for all writes, and for exact readings of small pages, which come at most once in 150 times their length.
SAVE_S = 12


def measure(kind, huge_pages, options):
    """Returns (line of the history, figures from outside) of one save under writes."""
    with memory_group("cowslip-ledger") as group, Server("cowslip", COWSLIP, SERVER_ARGUMENTS) as server:
        if group:
            group.add(server.pid)
        with server.client() as client:
            if not huge_pages:
                client.call("DEBUG", "SNAPSHOT-POLICY", "huge-pages", 0)
            generator.fill(server, options.keys, VALUE_BYTES, integers=kind == "incr")
            time.sleep(SETTLE_S)
            client.call("CONFIG", "SET", "rdb-key-save-delay", -max(1, int(options.keys * SLEEP_S / SAVE_S)))
            load = Load(server, kind, options.keys, count=options.writes, value_bytes=VALUE_BYTES, seed=1,
                        first_new=options.keys)  # fmt: skip
            sampler = CopySampler(server.pid, group)
            save = Save(client, server.pid)
            load.go()
            sampler.start(save)
            load.result()
            sampler.exact_now()
            save.wait()
            outside = sampler.stop()
            return history_of(server, client), outside


def history_of(server, client):
    """The line is written by a thread, a moment after the end of the save."""
    path = server.folder / "cow-history.jsonl"
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        client.call("PING")
        if path.exists() and (lines := path.read_text().splitlines()):
            return json.loads(lines[-1])
        time.sleep(0.05)
    raise RuntimeError("no line in cow-history.jsonl")


def megabytes(value):
    return "" if value is None else f"{value / 1e6:,.1f}"


def difference(ledger, kernel, least):
    if ledger is None or kernel is None or kernel == 0:
        return ""
    text = f"{(ledger - kernel) / kernel:+.1%}"
    return text if kernel >= least else f"({text})"


def row(kind, huge_pages, line, outside):
    check = line["cross_check"]
    copied, growth = check.get("ledger_copied"), check.get("ledger_growth")
    cells = [
        kind,
        "2 MiB" if huge_pages else "4 KiB",
        megabytes(copied),
        megabytes(check.get("rollup_copied")),
        difference(copied, check.get("rollup_copied"), LEAST_COPIED),
        megabytes(outside.private_dirty),
        megabytes(growth),
        megabytes(check.get("process_growth")),
        difference(growth, check.get("process_growth"), LEAST_GROWTH),
        megabytes(check.get("cgroup_growth")),
        "" if check.get("cgroup_difference") is None else f"{check['cgroup_difference']:+.1%}",
        megabytes(outside.growth),
        "" if check.get("faults_difference") is None else f"{check['faults_difference']:+.1%}",
    ]
    return f"| {' | '.join(cells)} |"


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench ledger", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    words = lambda text: text.split(",")  # noqa: E731
    parser.add_argument("--keys", type=int, default=3_000_000, help="size of the dataset (default 3 million)")
    parser.add_argument("--writes", type=int, help="writes per save (default: a tenth of the keys)")
    parser.add_argument("--kinds", type=words, default=KINDS, help=f"{','.join(KINDS)} (default: all)")
    parser.add_argument("--quick", action="store_true", help="200,000 keys: does it work?")
    parser.add_argument("--output", type=Path, default=ROOT / "bench/results", help="folder of the result files")
    options = parser.parse_args()
    if options.quick:
        options.keys = 200_000
    options.writes = options.writes or options.keys // 10
    return options


def main():
    options = parse_options()
    lines = [
        "# The ledger against the kernel",
        "",
        f"{datetime.date.today()}: `{' '.join(['scripts/bench ledger', *sys.argv[1:]])}`",
        "",
        f"{options.keys:,} keys of 16 bytes with random values of {VALUE_BYTES} bytes, {options.writes:,} writes "
        f"during a slowed save;",
        f"{os.cpu_count()} cores, Linux {os.uname().release.split('-')[0]}. MB. `scripts/bench ledger --help` tells "
        "what is compared.",
        "",
        "| writes | pages | the child's alone: ledger | its Private_Dirty | difference | its maximum, from outside "
        "| growth: ledger | of both processes | difference | of the control group | difference | from outside "
        "| copies by faults: difference |",
        "|---|---|" + "---:|" * 11,
    ]
    print("\n".join(lines), flush=True)
    for huge_pages in [True, False]:
        for kind in options.kinds:
            lines.append(row(kind, huge_pages, *measure(kind, huge_pages, options)))
            print(lines[-1], flush=True)
    partial = options.quick or options.kinds != KINDS
    options.output.mkdir(parents=True, exist_ok=True)
    path = options.output / f"{datetime.date.today():%Y-%m-%d}-ledger{'-quick' if partial else ''}.md"
    path.write_text("\n".join(lines) + "\n")
    print(f"\nwritten: {path}")


if __name__ == "__main__":
    main()
