"""The table of scripts/bench snapshot: each figure of both servers, their ratio, the target and whether it is met."""

import csv
import datetime
import os
from dataclasses import asdict, dataclass

REFERENCE = "redis"


@dataclass
class Row:
    """One line: `values` by server's name. At most (or at least) `limit`, of the value itself or of its ratio."""

    label: str
    values: dict
    form: str = "{:,.1f}"
    limit: float | None = None
    relative: bool = False
    at_least: bool = False
    compared: bool = True

    def ratio(self, server):
        if not self.compared:
            return None
        own, reference = self.values.get(server), self.values.get(REFERENCE)
        return own / reference if own is not None and reference else None

    def verdict(self, server):
        judged = self.ratio(server) if self.relative else self.values.get(server)
        if self.limit is None or judged is None:
            return ""
        return "met" if (judged >= self.limit if self.at_least else judged <= self.limit) else "MISSED"

    def target(self):
        if self.limit is None:
            return ""
        if self.relative:
            return f"≤ 1/{1 / self.limit:.0f} of redis"
        return f"{'≥' if self.at_least else '≤'} {self.limit:g}"


# Label, name in the Record, format, limit, and what the limit is of.
PLAIN_ROWS = [
    ("resident bytes per key, whole process", "resident_per_key", "{:,.1f}", {"limit": 145}),
    ("resident bytes per key, less the empty server", "resident_per_key_net", "{:,.1f}", {}),
    ("fork, ms per GB: a ping's longest wait", "fork_ms_per_gb", "{:,.2f}", {"limit": 1 / 25, "relative": True}),
    ("fork, ms per GB: reply of BGSAVE", "fork_reply_ms_per_gb", "{:,.2f}", {}),
    ("fork, ms: a ping's longest wait", "fork_ms", "{:,.2f}", {}),
    ("the same just before (noise)", "fork_quiet_ms", "{:,.2f}", {}),
    ("fork, ms: as the server reports it", "fork_reported_ms", "{:,.2f}", {}),
    ("next fork after a save under writes, ms per GB: a ping's longest wait", "next_fork_ms_per_gb", "{:,.2f}",
     {"limit": 1 / 15, "relative": True}),
    ("next fork, ms per GB: reply of BGSAVE", "next_fork_reply_ms_per_gb", "{:,.2f}", {}),
    ("next fork, ms: as the server reports it", "next_fork_reported_ms", "{:,.2f}", {}),
    ("SETs per second before a save", "sets_before", "{:,.0f}", {}),
    ("SETs per second during it", "sets_during", "{:,.0f}", {}),
    ("during / before", "sets_ratio", "{:,.2f}", {"limit": 0.7, "at_least": True}),
    ("seconds of that save", "loaded_save_s", "{:,.2f}", {}),
    ("p99.9 of 20,000 SETs a second before a save, ms", "p999_before_ms", "{:,.2f}", {}),
    ("p99.9 during it, ms", "p999_during_ms", "{:,.2f}", {}),
    ("p99.9 during / before", "p999_ratio", "{:,.1f}", {"limit": 3}),
    ("longest during it, ms", "worst_during_ms", "{:,.2f}", {}),
    ("BGSAVE with nobody writing, s", "save_s", "{:,.2f}", {"limit": 1 / 4, "relative": True}),
    ("times what the disk takes (dd, fdatasync)", "save_to_disk", "{:,.1f}", {}),
    ("file, MB", "file_mb", "{:,.1f}", {}),
    ("load: start of the process until PING, s", "load_s", "{:,.2f}", {"limit": 1 / 3, "relative": True}),
    ("load: DEBUG RELOAD NOSAVE, s", "reload_s", "{:,.2f}", {"limit": 1 / 3, "relative": True}),
    ("resident memory from first to last of many saves under writes, %", "drift_percent", "{:+.1f}",
     {"limit": 5, "compared": False}),
]  # fmt: skip

COPIED_BYTES_PER_SET = 20
GROWTH_PER_WRITTEN_BYTE = 1.25
SHARE_OF_REDIS = 1 / 5


def rows(measured, options):
    table = []
    for label, name, form, target in PLAIN_ROWS:
        values = {record.server: record.median(name) for record, _ in measured}
        table.append(Row(label, values, form, **target))
    for kind in options.kinds:
        last = {record.server: last_run(runs, kind) for record, runs in measured}
        table += growth_rows(kind, {server: run for server, run in last.items() if run}, options)
    return [row for row in table if any(value is not None for value in row.values.values())]


def last_run(runs, kind):
    """The one that held all writes, if any did."""
    return next((run for run in reversed(runs) if run.kind == kind), None)


def growth_rows(kind, runs, options):
    copied = {server: run.copied / 1e6 for server, run in runs.items()}
    growth = {server: run.growth / 1e6 for server, run in runs.items()}
    share = {"limit": SHARE_OF_REDIS, "relative": True}
    name = kind if all(run.fits for run in runs.values()) else f"{kind} (not all writes fit into the save)"
    if kind != "set":
        return [
            Row(f"{name}: pages copied, MB", copied, **share),
            Row(f"{name}: growth, MB", growth, **share),
        ]
    per_byte = {server: run.growth_ratio for server, run in runs.items()}
    return [
        Row(f"{name}: pages copied, MB", copied, limit=COPIED_BYTES_PER_SET * options.writes / 1e6),
        Row(f"{name}: growth, MB", growth),
        Row(f"{name}: growth / bytes written", per_byte, "{:,.2f}", limit=GROWTH_PER_WRITTEN_BYTE),
    ]


def markdown(measured, options, command):
    servers = [record.server for record, _ in measured]
    versions = ", ".join(f"{record.server} {record.version}" for record, _ in measured)
    lines = [
        "# What a background save costs",
        "",
        f"{datetime.date.today()}: `{command}`",
        "",
        dataset(options),
        f"{versions}; {os.cpu_count()} cores, Linux {os.uname().release.split('-')[0]}. How each figure is measured: "
        "`scripts/bench snapshot --help`.",
        *([] if options.types else ["The targets are meant for 10 million keys."]),
        "",
        f"| | {' | '.join(servers)} | ratio | target | |",
        "|---|" + "---:|" * (len(servers) + 1) + "---|---|",
        *(table_line(row, servers) for row in rows(measured, options)),
    ]
    if any(runs for _, runs in measured):
        lines += ["", *growth_table(measured, options)]
    return "\n".join(lines) + "\n"


def dataset(options):
    if options.types:
        return f"{options.keys:,} elements, in keys of 16 (small) or in ten keys (big); each measured once;"
    return (f"{options.keys:,} keys of 16 bytes with random values of {options.value_bytes} bytes; medians of "
            f"{options.repeat} (drift and growth: once);")  # fmt: skip


def table_line(row, servers):
    judged = servers[-1]
    cells = [row.form.format(value) if (value := row.values.get(server)) is not None else "" for server in servers]
    ratio = row.ratio(judged) if judged != REFERENCE else None
    cells.append("" if ratio is None else f"{ratio:.3f}")
    cells += [row.target(), row.verdict(judged) if judged != REFERENCE else ""]
    return f"| {row.label} | {' | '.join(cells)} |"


def growth_table(measured, options):
    lines = [
        f"{options.writes:,} writes of each kind that begin with the save. Where a server has a second line, the save",
        "ended before the writes, and was repeated with `rdb-key-save-delay` so that all fit; the table above has",
        "that one. Copied, in three ways, and growth: `bench/lib/snapshot_growth.py` says what they mean.",
        "",
        "| writes | server | delay | save | writing | in the save | written | growth | growth / written "
        "| copied: moved | gone | alone | private | faulted |",
        "|---|---|" + "---:|" * 12,
    ]
    for kind in options.kinds:
        for record, runs in measured:
            lines += [growth_line(record.server, run) for run in runs if run.kind == kind]
    return lines


def growth_line(server, run):
    sizes = [run.moved, run.gone, run.alone, run.private, run.faulted]
    cells = [
        run.kind,
        server,
        str(run.key_save_delay),
        "" if run.save_s is None else f"{run.save_s:.2f} s",
        f"{run.writes_s:.2f} s",
        f"{run.served:,}",
        megabytes(run.written),
        megabytes(run.growth),
        f"{run.growth_ratio:.2f}",
        *map(megabytes, sizes),
    ]
    return f"| {' | '.join(cells)} |"


def megabytes(size):
    return "" if size is None else f"{size / 1e6:,.1f} MB"


def write_csv(path, measured):
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["server", "measurement", "repeat", "value"])
        for record, runs in measured:
            for name, values in record.values.items():
                for repeat, value in enumerate(values):
                    writer.writerow([record.server, name, repeat, f"{value:.6g}"])
            for run in runs:
                write_run(writer, record.server, run)


def write_run(writer, server, run):
    speed = "slowed" if run.key_save_delay else "own_speed"
    for name, value in asdict(run).items():
        if name != "kind" and value is not None:
            writer.writerow([server, f"growth_{run.kind}_{speed}_{name}", 0, f"{value:.9g}"])
