"""Server processor time per operation, for Cowslip and redis-server side by side.

Throughput over loopback mostly measures the client and the kernel; what a server itself costs is its processor time
(user and system, from /proc/PID/stat) divided by the operations it served. Repeats alternate between the servers, so
that a slow minute of the machine meets both, and the median is reported.
"""

import argparse
import csv
import datetime
import os
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

from lib import load, procfs
from lib.resp import ServerError
from lib.servers import ROOT, Server, find_programs

KEYS = 1_000_000
VALUE = "x" * 64
KEY = "key:__rand_int__"

# Each with keys of its own where a command leaves another kind of value behind.
COMMANDS = {
    "GET": ["GET", KEY],
    "SET": ["SET", KEY, VALUE],
    "SETEX": ["SETEX", KEY, "1000", VALUE],
    "INCR": ["INCR", "counter:__rand_int__"],
    "MSET (10 keys)": ["MSET"] + [word for _ in range(10) for word in (KEY, VALUE)],
    "MGET (10 keys)": ["MGET"] + [KEY] * 10,
    "APPEND": ["APPEND", "append:__rand_int__", "0123456789abcdef"],
    "GETRANGE": ["GETRANGE", KEY, "8", "23"],
    "EXISTS": ["EXISTS", KEY],
    "PING": ["PING"],
}

# Enough for some seconds of processor time each, because the kernel counts it in hundredths of a second.
REQUESTS = {1: 300_000, 16: 2_000_000, 64: 4_000_000}


@dataclass
class Sample:
    command: str
    pipeline: int
    server: str
    repeat: int
    user_us: float
    system_us: float
    rps: float

    @property
    def total_us(self):
        return self.user_us + self.system_us


def measure(server, command, pipeline, requests, repeat, pin):
    prefix = ["taskset", "-c", "1"] if pin else []
    before = procfs.cpu_time(server.pid)
    run = load.start_benchmark(server.port, COMMANDS[command], requests, pipeline, keys=KEYS, prefix=prefix)
    rps = load.requests_per_second(run)
    spent = procfs.cpu_time(server.pid) - before
    per_request = 1e6 / requests
    return Sample(command, pipeline, server.name, repeat, spent.user_s * per_request, spent.system_s * per_request, rps)


def supported(servers, command):
    """A command that a server refuses would measure its error replies: such a row is left out."""
    for server in servers:
        with server.client() as client:
            try:
                client.call(*COMMANDS[command])
            except ServerError as error:
                print(f"left out: {command}: {server.name} says {error}")
                return False
    return True


def run_all(servers, options):
    samples = []
    for command in options.commands:
        if not supported(servers, command):
            continue
        for pipeline in options.pipelines:
            requests = max(1000, int(REQUESTS.get(pipeline, 1_000_000) * options.scale))
            if command.startswith("M"):
                requests //= 4
            for repeat in range(options.repeats):
                # Whoever goes first changes, so that neither always meets the other's leftovers.
                for server in servers[:: 1 if repeat % 2 == 0 else -1]:
                    samples.append(measure(server, command, pipeline, requests, repeat, options.pin))
            print(describe(samples, command, pipeline, servers), flush=True)
    return samples


def median(samples, command, pipeline, server, field):
    return statistics.median(
        getattr(s, field) for s in samples if (s.command, s.pipeline, s.server) == (command, pipeline, server)
    )


def ratio(samples, command, pipeline, servers):
    first, second = (median(samples, command, pipeline, server.name, "total_us") for server in servers[:2])
    return second / first if first else float("nan")


def describe(samples, command, pipeline, servers):
    parts = [f"{s.name} {median(samples, command, pipeline, s.name, 'total_us'):.2f} us" for s in servers]
    return f"{command}, -P {pipeline}: {', '.join(parts)} ({ratio(samples, command, pipeline, servers):.2f}x)"


def markdown(samples, servers, options):
    versions = ", ".join(f"{server.name} {server.version()}" for server in servers)
    lines = [
        "# Server CPU per operation",
        "",
        f"{datetime.date.today()}: `{' '.join(['scripts/bench request-path', *sys.argv[1:]])}`",
        "",
        f"Microseconds of the server's processor time, total (user), medians of {options.repeats}.",
        f"{versions}; `redis-benchmark -c 50`, {KEYS:,} random keys, 64-byte values;",
        f"{os.cpu_count()} cores, Linux {os.uname().release.split('-')[0]}.",
        f"The ratio is {servers[1].name} / {servers[0].name}: below 1 is cheaper.",
        "",
        "| command | pipeline | " + " | ".join(s.name for s in servers) + " | ratio |",
        "|---|---:|" + "---:|" * (len(servers) + 1),
    ]
    for command, pipeline in dict.fromkeys((s.command, s.pipeline) for s in samples):
        cells = [
            f"{median(samples, command, pipeline, s.name, 'total_us'):.2f} "
            f"({median(samples, command, pipeline, s.name, 'user_us'):.2f})"
            for s in servers
        ]
        cells.append(f"{ratio(samples, command, pipeline, servers):.2f}")
        lines.append(f"| {command} | {pipeline} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def write_csv(path, samples):
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["command", "pipeline", "server", "repeat", "user_us", "system_us", "requests_per_second"])
        for s in samples:
            times = [f"{s.user_us:.3f}", f"{s.system_us:.3f}"]
            writer.writerow([s.command, s.pipeline, s.server, s.repeat, *times, f"{s.rps:.0f}"])


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench request-path", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a fifth of the requests, one repeat: does it work?")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each measurement (default 5)")
    parser.add_argument("--commands", type=lambda text: text.upper().split(","), help="prefixes, such as GET,INCR")
    parser.add_argument("--pipelines", type=lambda text: [int(n) for n in text.split(",")], default=[1, 16, 64])
    parser.add_argument("--pin", action="store_true", help="servers on core 0, redis-benchmark on core 1")
    parser.add_argument("--servers", type=lambda text: text.split(","), default=["redis", "cowslip"],
                        help="two of redis, cowslip, or a program's path")  # fmt: skip
    parser.add_argument("--output", type=Path, default=ROOT / "bench/results", help="folder of the result files")
    options = parser.parse_args()
    options.scale = 0.2 if options.quick else 1
    options.repeats = 1 if options.quick else options.repeats
    if options.commands:
        options.commands = [c for c in COMMANDS if any(c.split()[0] == prefix for prefix in options.commands)]
    else:
        options.commands = list(COMMANDS)
    return options


def main():
    options = parse_options()
    (first_name, first), (second_name, second) = find_programs(options.servers)
    with Server(first_name, first) as a, Server(second_name, second) as b:
        servers = [a, b]
        for server in servers:
            if options.pin:
                os.sched_setaffinity(server.pid, {0})
            with server.client() as client:
                load.fill(client, KEYS, len(VALUE))
        samples = run_all(servers, options)
        report = markdown(samples, servers, options)

    options.output.mkdir(parents=True, exist_ok=True)
    kind = "request-path-quick" if options.quick else "request-path"  # a try must not replace a result
    stem = options.output / f"{datetime.date.today():%Y-%m-%d}-{kind}"
    stem.with_suffix(".md").write_text(report)
    write_csv(stem.with_suffix(".csv"), samples)
    print(f"\n{report}\nwritten: {stem}.md, {stem}.csv")


if __name__ == "__main__":
    main()
