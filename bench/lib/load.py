"""Puts load on a server: a dataset, and redis-benchmark."""

import csv
import io
import random
import subprocess

from lib.resp import encode

BATCH = 1000


def fill(client, keys, value_bytes, prefix="key:"):
    """SETs prefix%012d for all keys, the names redis-benchmark draws from, with values that do not compress."""
    pool = random.Random(1).randbytes(1 << 20)
    for first in range(0, keys, BATCH):
        batch = range(first, min(first + BATCH, keys))
        client.send(b"".join(encode("SET", f"{prefix}{i:012d}", slice_of(pool, i, value_bytes)) for i in batch))
        for _ in batch:
            client.read_reply()


def slice_of(pool, number, length):
    begin = number * 7919 % (len(pool) - length)
    return pool[begin : begin + length]


def start_benchmark(port, command, requests, pipeline, clients=50, keys=1_000_000, prefix=()):
    """Starts redis-benchmark with a command in which __rand_int__ is a random key number."""
    options = ["-p", port, "-c", clients, "-P", pipeline, "-n", requests, "-r", keys, "--csv"]
    return subprocess.Popen(
        [*prefix, "redis-benchmark", *map(str, options), *command],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def requests_per_second(process):
    """Waits for redis-benchmark and returns its throughput."""
    output, errors = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"redis-benchmark: {errors or output}")
    return float(list(csv.DictReader(io.StringIO(output)))[-1]["rps"])
