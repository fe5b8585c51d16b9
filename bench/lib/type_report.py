"""Tables of what scripts/bench types has measured."""

import csv
import datetime
import math
import os
import statistics
from dataclasses import dataclass, field

CPU_MEAN_TARGET, CPU_WORST_TARGET, MEMORY_TARGET = 0.8, 1.1, 1.0


@dataclass
class Results:
    """`servers`: names, the one that is compared with first."""

    servers: list
    cpu: list = field(default_factory=list)  # CpuSample
    memory: dict = field(default_factory=dict)  # (type, elements) -> bytes per element of each server
    saves: dict = field(default_factory=dict)  # (type, big) -> SaveFigures of each server


def medians(samples, servers):
    """(workload, pipeline) -> microseconds of each server."""
    values = {}
    for s in samples:
        values.setdefault((s.workload, s.pipeline), {}).setdefault(s.server, []).append(s.us)
    return {what: [statistics.median(by[name]) for name in servers] for what, by in values.items()}


def describe_cpu(samples, servers):
    return "\n".join(
        f"{workload.name}, {workload.size}, -P {pipeline}: {first:.2f}, {second:.2f} us ({second / first:.2f})"
        for (workload, pipeline), (first, second) in medians(samples, servers).items()
    )


def markdown(results, command, repeats):
    first, second = results.servers
    lines = [
        "# What every data type costs",
        "",
        f"{datetime.date.today()}: `{command}`; {os.cpu_count()} cores, Linux {os.uname().release.split('-')[0]};",
        f"medians of {repeats}. Ratios are {second} / {first}: below 1 is better.",
        "",
    ]
    if results.cpu:
        lines += cpu_lines(results)
    if results.memory:
        lines += memory_lines(results)
    if results.saves:
        lines += save_lines(results)
    return "\n".join(lines) + "\n"


def geometric_mean(values):
    return math.exp(sum(math.log(value) for value in values) / len(values))


def cpu_lines(results):
    rows = medians(results.cpu, results.servers)
    ratios = [second / first for first, second in rows.values()]
    above = sum(ratio > CPU_WORST_TARGET for ratio in ratios)
    lines = [
        "## Processor time per operation, microseconds",
        "",
        f"Geometric mean of the {len(ratios)} ratios: **{geometric_mean(ratios):.2f}** (target "
        f"{CPU_MEAN_TARGET}), worst {max(ratios):.2f}, {above} above {CPU_WORST_TARGET}.",
        "",
        *by_pipeline(rows),
        "",
        f"| type | size | command | -P | {' | '.join(results.servers)} | ratio |",
        "|---|---|---|---:|---:|---:|---:|",
    ]
    for (workload, pipeline), (first, second) in rows.items():
        lines.append(f"| {workload.type} | {workload.size or '-'} | {workload.name} | {pipeline} | {first:.2f} | "
                     f"{second:.2f} | {marked(second / first, CPU_WORST_TARGET)} |")  # fmt: skip
    return [*lines, ""]


def by_pipeline(rows):
    """The mean of each type, by pipeline."""
    groups = {}
    for (workload, pipeline), (first, second) in rows.items():
        groups.setdefault(workload.type, {}).setdefault(pipeline, []).append(second / first)
    pipelines = sorted({pipeline for _, pipeline in rows})
    yield "| type | " + " | ".join(f"-P {pipeline}" for pipeline in pipelines) + " |"
    yield "|---|" + "---:|" * len(pipelines)
    for type_name, by in groups.items():
        cells = [f"{geometric_mean(by[p]):.2f}" if p in by else "" for p in pipelines]
        yield f"| {type_name} | {' | '.join(cells)} |"


def marked(ratio, limit):
    return f"**{ratio:.2f}**" if ratio > limit else f"{ratio:.2f}"


def memory_lines(results):
    lines = [
        "## Resident bytes per element",
        "",
        f"| type | elements of a key | {' | '.join(results.servers)} | ratio |",
        "|---|---:|---:|---:|---:|",
    ]
    for (type_name, elements), (first, second) in results.memory.items():
        ratio = marked(second / first, MEMORY_TARGET)
        lines.append(f"| {type_name} | {elements:,} | {first:.1f} | {second:.1f} | {ratio} |")
    return [*lines, ""]


def save_lines(results):
    first, second = results.servers
    lines = [
        "## Save and load",
        "",
        f"| type | size | save, s: {first} | {second} | ratio | load, s: {first} | {second} | ratio |"
        f" file, MB: {first} | {second} |",
        "|---|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for (type_name, big), (a, b) in results.saves.items():
        lines.append(
            f"| {type_name} | {'big' if big else 'small'} | {a.save_s:.3f} | {b.save_s:.3f} | "
            f"{b.save_s / a.save_s:.2f} | {a.load_s:.3f} | {b.load_s:.3f} | {b.load_s / a.load_s:.2f} | "
            f"{a.file_mb:.1f} | {b.file_mb:.1f} |"
        )
    return [*lines, ""]


def write_csv(path, results):
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["step", "type", "size", "what", "pipeline", "server", "value"])
        for s in results.cpu:
            w = s.workload
            writer.writerow(["cpu_us", w.type, w.size, w.name, s.pipeline, s.server, f"{s.us:.3f}"])
        for (type_name, elements), values in results.memory.items():
            for server, value in zip(results.servers, values):
                writer.writerow(["bytes_per_element", type_name, elements, "", "", server, f"{value:.2f}"])
        for (type_name, big), figures in results.saves.items():
            for server, f in zip(results.servers, figures):
                for what in ("save_s", "load_s", "file_mb"):
                    size = "big" if big else "small"
                    writer.writerow(["save", type_name, size, what, "", server, f"{getattr(f, what):.4f}"])
