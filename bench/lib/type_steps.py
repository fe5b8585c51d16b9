"""What scripts/bench types measures: processor time per operation, memory per element, time to save and to load."""

import statistics
import time
from dataclasses import dataclass

from lib import load, procfs
from lib.resp import ServerError
from lib.save_watch import Save
from lib.servers import Server
from lib.type_workloads import BIG_ELEMENTS, SMALL_ELEMENTS, SMALL_KEYS, TYPES, fill, number, send_all, small_key

SERVER_ARGUMENTS = ["--enable-debug-command", "yes"]
REQUESTS = {1: 60_000, 16: 300_000}
SETTLE_S = 1.0
# Elements of one key, for memory: around the thresholds at which small forms end, and big ones.
MEMORY_SIZES = [1, 4, 16, 64, 128, 129, 512, 513, 10_000, 1_000_000]
# Elements of all keys together. Keys with one element are fewer: they measure the key.
MEMORY_ELEMENTS = 4_000_000
MOST_KEYS = 400_000


@dataclass(frozen=True)
class CpuSample:
    workload: object
    pipeline: int
    server: str
    us: float


def measure_cpu(servers, workload, options):
    """Repeats alternate between the servers, so that a slow minute of the machine meets both."""
    if not all(answers(server, workload) for server in servers):
        return []
    samples = []
    for pipeline in options.pipelines:
        requests = max(1000, int(REQUESTS[pipeline] * options.scale))
        for repeat in range(options.repeats):
            for server in servers[:: 1 if repeat % 2 == 0 else -1]:
                before = procfs.run_time_s(server.pid)
                run = load.start_benchmark(server.port, workload.words, requests, pipeline, keys=workload.keyspace)
                load.requests_per_second(run)
                spent_s = procfs.run_time_s(server.pid) - before
                samples.append(CpuSample(workload, pipeline, server.name, 1e6 * spent_s / requests))
    return samples


def answers(server, workload):
    """A command that a server refuses would measure its error replies: such a row is left out, and said to be."""
    with server.client() as client:
        try:
            client.call(*(word.replace("__rand_int__", number(5)) for word in workload.words))
            return True
        except ServerError as error:
            print(f"left out: {workload.name}: {server.name} says {error}", flush=True)
            return False


def prepare_cpu(server, types):
    """The datasets that the commands meet. What POP takes from has as many elements as it will be asked for."""
    with server.client() as client:
        for type_name in types:
            if type_name in TYPES:
                big = BIG_ELEMENTS if type_name != "geo" else BIG_ELEMENTS // 10
                fill(client, type_name, big_elements=big)
        if "bitmap" in types:
            client.call("SETBIT", "bits", BIG_ELEMENTS * 8, 1)


def measure_memory(name, program, type_name, elements):
    """Resident bytes per element of keys that have so many each."""
    keys = max(1, min(MOST_KEYS, MEMORY_ELEMENTS // elements))
    type_ = TYPES[type_name]
    with Server(name, program, SERVER_ARGUMENTS) as server, server.client() as client:
        client.call("PING")
        empty = procfs.resident_bytes(server.pid)
        send_all(client, (request for i in range(keys)
                          for request in type_.requests(small_key(type_name, number(i)), elements)))  # fmt: skip
        time.sleep(SETTLE_S)
        return (procfs.resident_bytes(server.pid) - empty) / (keys * elements)


@dataclass(frozen=True)
class SaveFigures:
    save_s: float
    load_s: float
    file_mb: float


def measure_save(name, program, type_name, big, options):
    """A save that nobody disturbs, to the child's death, and a start on its file, to the first PING."""
    with Server(name, program, SERVER_ARGUMENTS) as server:
        keys = 0 if big else max(1, int(SMALL_KEYS * options.scale))
        with server.client() as client:
            if big:
                send_all(client, TYPES[type_name].requests("big", max(1000, int(BIG_ELEMENTS * options.scale))))
            else:
                fill_small(client, type_name, keys)
            size = client.call("DBSIZE")
            saves = [Save(client, server.pid).wait().seconds for _ in range(options.repeats)]
        loads = [server.restart() for _ in range(options.repeats)]
        with server.client() as client:
            if client.call("DBSIZE") != size:
                raise RuntimeError(f"{server.name} lost keys: {size} before, {client.call('DBSIZE')} after")
        file_mb = (server.folder / "dump.rdb").stat().st_size / 1e6
        return SaveFigures(statistics.median(saves), statistics.median(loads), file_mb)


def fill_small(client, type_name, keys):
    type_ = TYPES[type_name]
    send_all(client, (request for i in range(keys)
                      for request in type_.requests(small_key(type_name, number(i)), SMALL_ELEMENTS)))  # fmt: skip
