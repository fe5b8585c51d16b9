"""Hit rates of Cowslip and redis-server as caches: the same requests, memory for the same number of keys.

A cache is asked for a key, and given it when it had none. The requests are the same for both servers, at the same times
(LRU's clock has seconds, so a faster server must not get further in one). maxmemory differs between the two: it is set
so that each holds as many keys as the other. Beside them stand a list in exact order of use (the LRU that sampling
approximates), and the best that is possible where popularity does not change.

Patterns:
  zipf      the popularity of keys is Zipf's (exponent 0.9) and does not change
  shifting  the same, but the keys change places: a tenth of them each tenth of the time
  cyclic    one key after the other, again and again, a quarter more of them than fit: LRU at its worst
"""

import argparse
import bisect
import collections
import datetime
import itertools
import os
import random
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from lib import load
from lib.resp import encode
from lib.servers import ROOT, Server, find_programs

VALUE = b"x" * 100
BATCH = 100  # requests that are sent together
EXPONENT = 0.9
UNIVERSE_OVER_CAPACITY = 10
CYCLE_OVER_CAPACITY = 1.25
WARM_UP_SHARE = 0.5  # of the requests: not counted


@dataclass
class Row:
    pattern: str
    policy: str
    samples: int
    server: str
    hit_rate: float
    keys: int


# ---- requests ----


def zipf_numbers(count, universe, source):
    cumulative = list(itertools.accumulate(1 / (i + 1) ** EXPONENT for i in range(universe)))
    for _ in range(count):
        yield bisect.bisect_left(cumulative, source.random() * cumulative[-1])


def requests_of(pattern, count, capacity, seed):
    """Numbers of keys, in the order in which they are asked for."""
    universe = capacity * UNIVERSE_OVER_CAPACITY
    source = random.Random(seed)
    if pattern == "cyclic":
        return [i % int(capacity * CYCLE_OVER_CAPACITY) for i in range(count)]
    names = list(range(universe))
    source.shuffle(names)
    numbers = []
    for i, rank in enumerate(zipf_numbers(count, universe, source)):
        if pattern == "shifting" and i % (count // 10) == 0:
            places = source.sample(range(universe), universe // 10)
            for place, name in zip(places, source.sample([names[p] for p in places], len(places))):
                names[place] = name
        numbers.append(names[rank])
    return numbers


def counted_part(hits):
    counted = hits[int(len(hits) * WARM_UP_SHARE) :]
    return sum(counted) / len(counted)


def exact_lru(numbers, capacity):
    cache = collections.OrderedDict()
    hits = []
    for number in numbers:
        hit = number in cache
        hits.append(hit)
        cache[number] = None
        cache.move_to_end(number)
        if len(cache) > capacity:
            cache.popitem(last=False)
    return counted_part(hits)


def best_static(numbers, capacity):
    """The share of requests for the keys that are asked for most: what no cache can exceed where nothing changes."""
    uses = collections.Counter(numbers)
    return sum(count for _, count in uses.most_common(capacity)) / len(numbers)


# ---- one server ----


def set_capacity(client, capacity):
    """Sets maxmemory to what is in use with so many keys, and empties the server. Returns the bytes for one key."""
    client.call("CONFIG", "SET", "maxmemory", "0")
    client.call("FLUSHALL")
    empty = int(client.info("memory")["used_memory"])
    for first in range(0, capacity, load.BATCH):
        numbers = range(first, min(first + load.BATCH, capacity))
        client.send(b"".join(encode("SET", key_of(n), VALUE) for n in numbers))
        for _ in numbers:
            client.read_reply()
    time.sleep(0.2)  # parts of used_memory are sampled ten times a second
    full = int(client.info("memory")["used_memory"])
    client.call("CONFIG", "SET", "maxmemory", full)
    client.call("FLUSHALL")
    return (full - empty) / capacity


def key_of(number):
    return b"key:%012d" % number


def correct_capacity(client, capacity, bytes_per_key):
    """Tables and buffers grow in steps: has the server hold nearer to `capacity` keys."""
    missing = capacity - client.call("DBSIZE")
    limit = int(client.call("CONFIG", "GET", "maxmemory")[1])
    client.call("CONFIG", "SET", "maxmemory", int(limit + missing * bytes_per_key))


def ask(client, numbers):
    """Asks for keys, and gives those that were not there. Returns which were."""
    client.send(b"".join(b"*2\r\n$3\r\nGET\r\n$16\r\nkey:%012d\r\n" % n for n in numbers))
    hits = [client.read_reply() is not None for _ in numbers]
    missed = dict.fromkeys(n for n, hit in zip(numbers, hits) if not hit)
    if missed:
        client.send(b"".join(encode("SET", key_of(n), VALUE) for n in missed))
        for _ in missed:
            client.read_reply()
    return hits


def run(server, numbers, capacity, policy, samples, rate):
    with server.client() as client:
        client.call("CONFIG", "SET", "maxmemory-policy", policy, "maxmemory-samples", samples)
        bytes_per_key = set_capacity(client, capacity)
        hits = []
        corrections = [int(len(numbers) * WARM_UP_SHARE * part / 10) for part in range(5, 11)]
        begun = time.monotonic()
        for first in range(0, len(numbers), BATCH):
            time.sleep(max(0.0, begun + first / rate - time.monotonic()))
            hits += ask(client, numbers[first : first + BATCH])
            if corrections and first >= corrections[0]:
                corrections.pop(0)
                correct_capacity(client, capacity, bytes_per_key)
        behind = time.monotonic() - begun - len(numbers) / rate
        if behind > 0.1 * len(numbers) / rate:
            print(f"{server.name} is {behind:.1f} s late: choose a lower --rate", file=sys.stderr)
        return Row("", policy, samples, server.name, counted_part(hits), client.call("DBSIZE"))


# ---- all of them ----


def run_all(servers, options):
    rows = []
    references = {}
    for pattern in options.patterns:
        numbers = requests_of(pattern, options.requests, options.keys, seed=1)
        references[pattern] = (exact_lru(numbers, options.keys), best_static(numbers, options.keys))
        for policy, samples in itertools.product(options.policies, options.samples):
            for server in servers:
                row = run(server, numbers, options.keys, policy, samples, options.rate)
                row.pattern = pattern
                rows.append(row)
            print(", ".join(f"{r.server} {r.hit_rate:.2%} ({r.keys} keys)" for r in rows[-len(servers) :]),
                  f"{pattern}, {policy}, {samples} samples", flush=True)  # fmt: skip
    return rows, references


def markdown(rows, references, servers, options):
    versions = ", ".join(f"{server.name} {server.version()}" for server in servers)
    lines = [
        "# Hit rates of caches",
        "",
        f"{datetime.date.today()}: `{' '.join(['scripts/bench eviction', *sys.argv[1:]])}`",
        "",
        f"{versions}; {options.requests:,} requests at {options.rate:,} per second, of which the second half counts,",
        f"memory for {options.keys:,} keys of 16 bytes with values of {len(VALUE)};",
        f"{os.cpu_count()} cores, Linux {os.uname().release.split('-')[0]}. In brackets: keys held at the end.",
        "",
        "| requests | policy | samples | " + " | ".join(s.name for s in servers) + " |",
        "|---|---|---:|" + "---:|" * len(servers),
    ]
    for pattern, policy, samples in dict.fromkeys((r.pattern, r.policy, r.samples) for r in rows):
        cells = [
            f"{r.hit_rate:.2%} ({r.keys:,})" for r in rows
            if (r.pattern, r.policy, r.samples) == (pattern, policy, samples)
        ]  # fmt: skip
        lines.append(f"| {pattern} | {policy} | {samples} | {' | '.join(cells)} |")
    lines += ["", "| requests | list in exact order of use | the keys asked for most, were they known before |",
              "|---|---:|---:|"]  # fmt: skip
    lines += [f"| {pattern} | {lru:.2%} | {best:.2%} |" for pattern, (lru, best) in references.items()]
    return "\n".join(lines) + "\n"


def words(text):
    return text.split(",")


def parse_options():
    parser = argparse.ArgumentParser(prog="scripts/bench eviction", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few requests and one number of samples: does it work?")
    parser.add_argument("--keys", type=int, default=20_000, help="keys that fit (default 20000)")
    parser.add_argument("--requests", type=int, default=600_000, help="for each case (default 600000)")
    parser.add_argument("--rate", type=int, default=20_000, help="requests per second (default 20000)")
    parser.add_argument("--patterns", type=words, default=["zipf", "shifting", "cyclic"])
    parser.add_argument("--policies", type=words, default=["allkeys-lru", "allkeys-lfu"])
    parser.add_argument("--samples", type=lambda text: [int(n) for n in words(text)], default=[5, 10])
    parser.add_argument("--servers", type=words, default=["redis", "cowslip"])
    parser.add_argument("--output", type=Path, default=ROOT / "bench/results", help="folder of the result files")
    options = parser.parse_args()
    if options.quick:
        options.keys, options.requests, options.samples = 4000, 100_000, [5]
    return options


def main():
    options = parse_options()
    (first_name, first), (second_name, second) = find_programs(options.servers)
    with Server(first_name, first) as a, Server(second_name, second) as b:
        servers = [a, b]
        rows, references = run_all(servers, options)
        report = markdown(rows, references, servers, options)
    options.output.mkdir(parents=True, exist_ok=True)
    kind = "eviction-quick" if options.quick else "eviction"  # a try must not replace a result
    path = options.output / f"{datetime.date.today():%Y-%m-%d}-{kind}.md"
    path.write_text(report)
    print(f"\n{report}\nwritten: {path}")


if __name__ == "__main__":
    main()
