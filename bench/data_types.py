"""What every data type costs, for Cowslip and redis-server in one run.

  cpu     the server's processor time (all threads, from /proc) per operation, with 50 connections, for the usual
          commands on small aggregates (100,000 keys of 16 elements) and on big ones (one key of 1 million elements;
          of geo 100,000)
  memory  resident bytes per element for keys of 1 to 1 million elements, 4 million elements in all (400,000 keys at
          most), the share of key and index included, and of what a server takes whatever it holds; each in a fresh
          process
  save    time of a save that nobody disturbs, from BGSAVE to the child's death, and of a start on its file until the
          first PING is answered

Repeats alternate between the servers; medians are reported.
"""

import argparse
import datetime
import sys
from pathlib import Path

from lib import type_report, type_steps
from lib.servers import ROOT, Server, find_programs
from lib.type_workloads import ALL_TYPES, TYPES, workloads

STEPS = ["cpu", "memory", "save"]


def run_cpu(programs, options):
    samples = []
    (first_name, first), (second_name, second) = programs
    for type_name in options.types:
        with (
            Server(first_name, first, type_steps.SERVER_ARGUMENTS) as a,
            Server(second_name, second, type_steps.SERVER_ARGUMENTS) as b,
        ):
            for server in (a, b):
                type_steps.prepare_cpu(server, [type_name])
            for workload in workloads([type_name]):
                if options.commands and workload.words[0] not in options.commands:
                    continue
                found = type_steps.measure_cpu([a, b], workload, options)
                print(type_report.describe_cpu(found, [a.name, b.name]), flush=True)
                samples += found
    return samples


def run_memory(programs, options):
    rows = {}
    for type_name in [name for name in TYPES if name in options.types]:
        for elements in options.sizes:
            figures = [type_steps.measure_memory(*program, type_name, elements) for program in programs]
            rows[type_name, elements] = figures
            print(f"{type_name}, {elements:,} a key: {figures[0]:.1f}, {figures[1]:.1f} bytes an element", flush=True)
    return rows


def run_saves(programs, options):
    rows = {}
    for type_name in [name for name in TYPES if name in options.types and name != "geo"]:
        for big in (False, True):
            figures = [type_steps.measure_save(*program, type_name, big, options) for program in programs]
            rows[type_name, big] = figures
            texts = [f"save {f.save_s:.3f} s, load {f.load_s:.3f} s, {f.file_mb:.1f} MB" for f in figures]
            print(f"{type_name}, {'big' if big else 'small'}: {'; '.join(texts)}", flush=True)
    return rows


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench types", description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    words = lambda text: text.split(",")  # noqa: E731
    numbers = lambda text: [int(word) for word in text.split(",")]  # noqa: E731
    parser.add_argument("--only", type=words, default=STEPS, help="steps, such as cpu,memory (default: all)")
    parser.add_argument("--types", type=words, default=ALL_TYPES, help=f"of {','.join(ALL_TYPES)} (default: all)")
    parser.add_argument("--commands", type=lambda text: text.upper().split(","), help="of cpu, such as LPUSH,HGET")
    parser.add_argument("--pipelines", type=numbers, default=[1, 16])
    parser.add_argument("--sizes", type=numbers, default=type_steps.MEMORY_SIZES, help="of memory: elements of a key")
    parser.add_argument("--repeats", type=int, default=3, help="of each measurement (default 3)")
    parser.add_argument("--quick", action="store_true", help="a fifth of the requests, one repeat: does it work?")
    parser.add_argument("--servers", type=words, default=["redis", "cowslip"],
                        help="two of redis, cowslip, or a program's path")  # fmt: skip
    parser.add_argument("--output", type=Path, default=ROOT / "bench/results", help="folder of the result files")
    options = parser.parse_args()
    if unknown := set(options.only) - set(STEPS) | set(options.types) - set(ALL_TYPES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    options.partial = options.quick or options.commands or options.only != STEPS or options.types != ALL_TYPES
    options.scale = 0.2 if options.quick else 1
    options.repeats = 1 if options.quick else options.repeats
    return options


def main():
    options = parse_options()
    programs = find_programs(options.servers)
    results = type_report.Results([name for name, _ in programs])
    if "cpu" in options.only:
        results.cpu = run_cpu(programs, options)
    if "memory" in options.only:
        results.memory = run_memory(programs, options)
    if "save" in options.only:
        results.saves = run_saves(programs, options)
    command = " ".join(["scripts/bench types", *sys.argv[1:]])
    text = type_report.markdown(results, command, options.repeats)
    options.output.mkdir(parents=True, exist_ok=True)
    # Neither a try nor a part may replace a whole result.
    stem = options.output / f"{datetime.date.today():%Y-%m-%d}-{'types-part' if options.partial else 'types'}"
    stem.with_suffix(".md").write_text(text)
    type_report.write_csv(stem.with_suffix(".csv"), results)
    print(f"\n{text}\nwritten: {stem}.md, .csv")


if __name__ == "__main__":
    main()
