"""The copy-on-write lab: classic experiments, each a table, a picture, and what was foretold beside what was seen.

1  a file mapped MAP_PRIVATE: read, changed in one place, changed everywhere
2  fork, vfork, posix_spawn against the size of the process, and what exec does
3  growth against the share of pages written, with pages of 4 KiB and 2 MiB
4  who owns a page: reference counts of one's own against the kernel's copies of pages
5  the four policies of the server, one by one, with redis-server beside them

Without numbers all of them run, in less than five minutes on 2 cores with 8 GB. With less memory the sizes are smaller,
and the result says so. docs/OBSERVING_COW.md explains what is seen.
"""

import argparse
import datetime
import os
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from lib import lab_owner, lab_policies, lab_private_file, lab_report, lab_share_written, lab_spawning
from lib.lab_program import available_bytes
from lib.servers import ROOT

MIB, GIB = 1 << 20, 1 << 30


@dataclass(frozen=True)
class Sizes:
    """How large everything is. The file of the first experiment is that of the literature: 50 Mi numbers of 8 bytes."""

    file_bytes: int = 400 * MIB
    spawn_sizes: tuple = (64 * MIB, 256 * MIB, GIB, 4 * GIB)
    repeat: int = 11
    share_bytes: int = GIB
    objects: int = 1 << 21
    object_bytes: int = 128
    buffer_bytes: int = 256 * MIB
    buffer_writes: int = 10_000
    keys: int = 2_000_000
    policy_writes: int = 200_000
    policy_rate: int = 100_000
    forks: int = 3
    one_by_one: bool = True  # each policy, and not only all and none
    settle_s: float = 1.0
    seed: int = 1


QUICK = Sizes(
    file_bytes=32 * MIB, spawn_sizes=(16 * MIB, 64 * MIB), repeat=3, share_bytes=64 * MIB, objects=1 << 17,
    buffer_bytes=32 * MIB, buffer_writes=2_000, keys=100_000, policy_writes=20_000, policy_rate=50_000, forks=1,
    settle_s=0.2,
)  # fmt: skip


def fitted(sizes, available):
    """(sizes that fit into the memory there is, what had to be made smaller)"""
    share = max(16 * MIB, available // 5 // (2 * MIB) * (2 * MIB))
    fits = replace(
        sizes,
        file_bytes=min(sizes.file_bytes, share),
        spawn_sizes=tuple(size for size in sizes.spawn_sizes if size <= available * 13 // 20) or (16 * MIB,),
        share_bytes=min(sizes.share_bytes, share),
        objects=min(sizes.objects, share // sizes.object_bytes),
        buffer_bytes=min(sizes.buffer_bytes, share),
        keys=min(sizes.keys, share // 400),
    )
    smaller = [name for name in fits.__dataclass_fields__ if getattr(fits, name) != getattr(sizes, name)]
    return fits, smaller


def run_one(number, sizes, scratch):
    return {
        1: lambda: lab_private_file.run(sizes, scratch),
        2: lambda: lab_spawning.run(sizes),
        3: lambda: lab_share_written.run(sizes),
        4: lambda: lab_owner.run(sizes),
        5: lambda: lab_policies.run(sizes),
    }[number]()


def run_all(options, sizes):
    titles = [line for line in __doc__.splitlines() if line[:1].isdigit()]
    experiments = []
    # Below the build folder, because /tmp may be memory: the file of the first experiment has to lie on a disk.
    (ROOT / "build").mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lab-", dir=ROOT / "build") as scratch:
        for number in options.experiments:
            begun = time.monotonic()
            print(titles[number - 1], flush=True)
            experiments.append(run_one(number, sizes, scratch))
            print(f"   {time.monotonic() - begun:.1f} s", flush=True)
    return experiments


def write(experiments, options, seconds, load):
    """Returns the paths of what was written."""
    options.output.mkdir(parents=True, exist_ok=True)
    partial = options.quick or options.smaller or len(options.experiments) < 5
    ending = "-quick" if partial else ""  # neither a try nor a part may replace a result
    stem = f"{datetime.date.today():%Y-%m-%d}-cow-lab"
    command = " ".join(["scripts/lab", *sys.argv[1:]])
    paths = [options.output / f"{stem}{ending}.md", options.output / f"{stem}{ending}.csv"]
    paths[0].write_text(lab_report.markdown(experiments, command, seconds, load))
    lab_report.write_csv(paths[1], experiments)
    for experiment in experiments:
        for name, chart in experiment.charts.items():
            paths.append(options.output / f"{stem}-{name}{ending}.svg")
            paths[-1].write_text(chart.svg())
    if options.docs:
        paths += lab_report.update_document(ROOT / "docs", experiments, paths[0])
    return paths


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/lab", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    parser.add_argument("experiments", nargs="*", type=int, metavar="N", help="experiments to run (default: all)")
    parser.add_argument("--quick", action="store_true", help="small sizes: does it work, and hold true?")
    parser.add_argument("--check", action="store_true", help="exit with 1 when something was not as foretold")
    parser.add_argument("--output", type=Path, default=ROOT / "bench/results", help="folder of tables and pictures")
    parser.add_argument("--docs", action="store_true", help="put tables and pictures into docs/OBSERVING_COW.md, too")
    options = parser.parse_args()
    if unknown := set(options.experiments) - {1, 2, 3, 4, 5}:
        parser.error(f"no experiment {sorted(unknown)[0]}, only 1 to 5")
    options.experiments = sorted(set(options.experiments)) or [1, 2, 3, 4, 5]
    return options


def main():
    options = parse_options()
    sizes, options.smaller = fitted(QUICK if options.quick else Sizes(), available_bytes())
    begun, load = time.monotonic(), os.getloadavg()
    experiments = run_all(options, sizes)
    if options.smaller:
        said = f"smaller than usual, for want of memory: {', '.join(options.smaller)}."
        experiments[0].notes.append(said)
    paths = write(experiments, options, time.monotonic() - begun, load)
    print("\n" + "\n\n".join(experiment.markdown() for experiment in experiments))
    print("\nwritten:", *paths, sep="\n  ")
    missed = [check for experiment in experiments for check in experiment.checks if not check.holds]
    for check in missed:
        print(f"NOT AS FORETOLD: {check.text}: {check.seen:,.4g}, not {check.foretold()}")
    sys.exit(1 if missed and options.check else 0)


if __name__ == "__main__":
    main()
