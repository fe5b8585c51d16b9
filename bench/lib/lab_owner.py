"""Experiment 4: who owns a page: reference counts of one's own against the kernel's copies of pages."""

from lib import lab_program
from lib.lab_report import MB, Check, Experiment, Table, deviation, mb
from lib.lab_share_written import SMALL, foretold_bytes
from lib.svg_plot import Panel, Plot, Series

REPEAT = 3
INSIDE, APART, NEVER, NONE = "in the object", "in a table apart", "in the object, never counted", "none"


def run(sizes):
    reading = lab_program.measure("reading", objects=sizes.objects, object_bytes=sizes.object_bytes, seed=sizes.seed)
    writing = lab_program.measure("owner", bytes=sizes.buffer_bytes, writes=sizes.buffer_writes, seed=sizes.seed,
                                repeat=REPEAT)  # fmt: skip
    setting = (
        f"Reading: {sizes.objects:,} objects of {sizes.object_bytes} bytes. Writing: {sizes.buffer_bytes >> 20:,} MiB "
        f"of buffers, 8 bytes changed in each of up to {sizes.buffer_writes:,} different ones; the least times of "
        f"{REPEAT}."
    )
    charts = {"refcounts": reading_plot(reading), "owner": writing_plot(writing)}
    return Experiment(4, "owner", "Who owns a page: reference counts against page copies", setting,
                      [reading_table(reading), writing_table(writing)], charts,
                      [*reading_checks(reading), *writing_checks(writing)], reading + writing)  # fmt: skip


def foretold(record):
    """What the readers copy: pages of the objects, or of the table of counts, or none."""
    if record["counts"] == INSIDE:
        return foretold_bytes(record["bytes"], SMALL, record["reads"])
    if record["counts"] == APART:
        return foretold_bytes(record["table_bytes"], SMALL, record["reads"])
    return 0


def at_reads(records):
    """Records by number of reads, then by where the counts are."""
    table = {}
    for r in records:
        table.setdefault(r["reads"], {})[r["counts"]] = r
    return table


def reading_table(records):
    header = ["objects read, %", "counts in the object", "foretold", "in a table apart", "foretold",
              "in the object, never counted", "no counts"]  # fmt: skip
    rows = [
        [
            f"{100 * reads / by[INSIDE]['objects']:.1f}", mb(by[INSIDE]["copied"], 2), mb(foretold(by[INSIDE]), 2),
            mb(by[APART]["copied"], 2), mb(foretold(by[APART]), 2), mb(by[NEVER]["copied"], 2),
            mb(by[NONE]["copied"], 2),
        ]
        for reads, by in at_reads(records).items()
    ]  # fmt: skip
    total = mb(records[0]["bytes"])
    return Table(f"Copied, MB of {total}, by a child that only reads (its Private_Dirty):", header, rows)


def reading_plot(records):
    def line(counts, value):
        return [(100 * r["reads"] / r["objects"], value(r) / MB) for r in records if r["counts"] == counts]

    def copied(record):
        return record["copied"]

    series = [
        Series("counts in the object, foretold", line(INSIDE, foretold)),
        Series("in a table apart, foretold", line(APART, foretold), "dashed"),
        Series("in the object, measured", line(INSIDE, copied), "dots"),
        Series("apart, measured", line(APART, copied), "dots"),
        Series("never counted, measured", line(NEVER, copied), "dots"),
    ]
    number, size = records[0]["objects"], records[0]["bytes"] // records[0]["objects"]
    return Plot("Reading copies, when reading counts references",
                f"a child reads random objects, {number:,} of {size} bytes each",
                "objects read, % (logarithmic)", "copied, MB", [Panel("", series)], x_log=True)  # fmt: skip


def reading_checks(records):
    """In per cent of all objects, since some layouts copy nothing. A page or two of the program's own are in it."""
    found = []
    for counts in (INSIDE, APART, NEVER, NONE):
        worst = max(abs(r["copied"] - foretold(r)) / r["bytes"] for r in records if r["counts"] == counts)
        found.append(Check(f"counts {counts}: largest deviation, % of the objects' memory", 100 * worst, 0, 2))
    return found


def owners(records):
    page = {r["buffer_bytes"]: r for r in records if r["owner"] == "the page"}
    buffer = {r["buffer_bytes"]: r for r in records if r["owner"] == "the buffer"}
    return [(size, page[size], buffer[size]) for size in page]


def writing_table(records):
    header = ["size of a buffer", "sharing all: fork, ms", "counting, ms", "taken by it: page tables, MB", "table, MB",
              "copied per write: page, bytes", "buffer, bytes", "a write: page, µs", "buffer, µs"]  # fmt: skip
    rows = [
        [
            f"{size:,}", f"{page['share_us'] / 1e3:,.1f}", f"{buffer['share_us'] / 1e3:,.1f}",
            mb(page["share_bytes"], 2), mb(buffer["share_bytes"], 2), f"{page['copied'] / page['writes']:,.0f}",
            f"{buffer['copied'] / buffer['writes']:,.0f}", f"{page['us_per_write']:.2f}",
            f"{buffer['us_per_write']:.2f}",
        ]
        for size, page, buffer in owners(records)
    ]  # fmt: skip
    return Table("The first write to a shared buffer:", header, rows)


def writing_plot(records):
    def line(number):
        return [(row[0], row[number]["copied"] / row[number]["writes"]) for row in owners(records)]

    series = [
        Series("shared by fork: the page is copied", line(1)),
        Series("shared by a count: the buffer is copied", line(2)),
    ]
    return Plot("What the first write to a shared buffer copies", "both scales are logarithmic",
                "size of the buffer, bytes", "bytes copied per write", [Panel("", series)],
                x_log=True, y_log=True)  # fmt: skip


def writing_checks(records):
    rows = owners(records)
    by_page = [(page["copied"] / page["writes"], foretold_page_copies(size, page)) for size, page, _ in rows]
    by_buffer = [(buffer["copied"] / buffer["writes"], size) for size, _, buffer in rows]
    return [
        deviation("shared by fork: bytes copied per write", by_page, 5),
        deviation("shared by a count: bytes copied per write", by_buffer, 5),
    ]


def foretold_page_copies(size, record):
    """Different buffers: with k of them on a page, and n chosen of N, a page is missed with about (1 - n/N)^k."""
    per_page = max(1, SMALL // size)
    missed = (1 - record["writes"] / record["buffers"]) ** per_page
    pages = record["buffers"] / per_page
    return pages * (1 - missed) * SMALL / record["writes"]
