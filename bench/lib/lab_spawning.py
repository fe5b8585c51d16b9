"""Experiment 2: fork, vfork, posix_spawn and exec against the size of the process."""

from lib import lab_program
from lib.lab_report import MB, Check, Experiment, Table, about, deviation, mb
from lib.svg_plot import Panel, Plot, Series

SMALL = 4 << 10
ENTRY_BYTES = 8  # of a page table, for each page
TOUCHED_BYTES = 64 << 20


def run(sizes):
    records = lab_program.measure("spawning", sizes=",".join(map(str, sizes.spawn_sizes)), repeat=sizes.repeat)
    setting = (
        f"The least of {sizes.repeat} times; the program that is started is /bin/true. "
        "Touched: 64 MiB, a byte per page."
    )
    tables = [times(records), memory(records), afterwards(records)]
    return Experiment(2, "spawning", "fork, vfork, posix_spawn, and exec", setting, tables,
                      {"spawning": plot(records)}, checks(records), records)  # fmt: skip


def ms(microseconds):
    return f"{microseconds / 1e3:,.2f}"


def name(record):
    return f"{record['bytes'] >> 20:,} MiB in pages of {record['pages']}"


def times(records):
    ways = ["fork_call", "fork_exec_whole", "vfork_exec_whole", "spawn_call", "spawn_whole"]
    header = ["time, ms", "fork() returns", "fork, exec, wait", "vfork, exec, wait", "posix_spawn() returns",
              "posix_spawn, wait"]  # fmt: skip
    rows = [[name(r), *[ms(r[f"{way}_us"]) for way in ways]] for r in records]
    return Table("What the caller waits:", header, rows)


def memory(records):
    header = ["MB", "caller, resident", "its page tables", "forked child, resident", "of its own (Private_Dirty)",
              "its page tables", "after exec, resident", "its page tables"]  # fmt: skip
    rows = [
        [
            name(r), mb(r["resident"]), mb(r["page_tables"], 2), mb(r["child_resident"]),
            mb(r["child_private_dirty"], 2), mb(r["child_page_tables"], 2), mb(r["program_resident"], 1),
            mb(r["program_page_tables"], 2),
        ]
        for r in records
    ]  # fmt: skip
    return Table("What the child has:", header, rows)


def afterwards(records):
    ways = ["fork", "vfork", "spawn"]
    header = ["", *[f"after {way}: faults" for way in ways], *[f"after {way}: ms" for way in ways]]
    rows = [
        [name(r), *[f"{r[f'{way}_touch_faults']:,}" for way in ways], *[ms(r[f"{way}_touch_us"]) for way in ways]]
        for r in records
    ]
    return Table("The caller's next writes to 64 MiB of its memory, the child being gone:", header, rows)


def plot(records):
    def line(pages, figure):
        return [(r["resident"] / MB, r[figure] / 1e3) for r in records if r["pages"] == pages]

    series = [
        Series("fork(), 4 KiB pages", line("4 KiB", "fork_call_us")),
        Series("fork(), 2 MiB pages", line("2 MiB", "fork_call_us")),
        Series("posix_spawn(), 4 KiB pages", line("4 KiB", "spawn_call_us")),
        Series("vfork and exec, 4 KiB pages", line("4 KiB", "vfork_exec_call_us"), "dashed"),
    ]
    return Plot("How long a child holds its parent", "time until the call returns; both scales are logarithmic",
                "resident memory of the parent, MB", "ms", [Panel("", series)], x_log=True, y_log=True)  # fmt: skip


def checks(records):
    """Of memory and faults; times depend on who else is running."""
    small = [r for r in records if r["pages"] == "4 KiB"]
    largest = max(small, key=lambda r: r["bytes"])
    entries = largest["bytes"] / SMALL * ENTRY_BYTES / MB
    touched = [(r["fork_touch_faults"], min(r["bytes"], TOUCHED_BYTES) / SMALL) for r in small]
    return [
        about(f"{name(largest)}: page tables of the child, MB", largest["child_page_tables"] / MB, entries, 0.02, 0.2),
        deviation("4 KiB pages: faults of the caller after fork", touched, 1),
        Check("any pages: most faults after posix_spawn", max(r["spawn_touch_faults"] for r in records), 0, 8),
        Check("any size: most memory after exec, MB", max(r["program_resident"] for r in records) / MB, 0, 8),
    ]
