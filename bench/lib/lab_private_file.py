"""Experiment 1: a file mapped MAP_PRIVATE, read, changed in one place, changed everywhere."""

from lib import lab_program
from lib.lab_report import Check, Experiment, Table, about, mb
from lib.procfs import PAGE_BYTES
from lib.svg_bars import BarChart, Bars

PART = ["copies of one's own", "pages of the file that are mapped", "pages of the file that are only cached"]


def run(sizes, scratch):
    records = lab_program.measure("private-file", grouped=True, folder=scratch, bytes=sizes.file_bytes)
    ways = {way: [r for r in records if r["mappings"] == way] for way in ["private", "private and shared"]}
    tables = [
        table("The file mapped once, MAP_PRIVATE:", ways["private"]),
        table("The same with the original mapped beside it, MAP_SHARED, and read, too:", ways["private and shared"]),
    ]
    numbers = sizes.file_bytes // 8
    setting = f"A file of {sizes.file_bytes:,} bytes, {numbers:,} numbers; not in the page cache at first."
    return Experiment(1, "private-file", "A file, mapped privately", setting, tables,
                      {"private-file": chart(ways, sizes)}, checks(ways, sizes), records)  # fmt: skip


def table(caption, records):
    header = ["", "time, ms", "resident (Rss)", "of the file", "copies (Anonymous)", "Private_Dirty", "minor faults",
              "major faults", "file in page cache", "charged to the group"]  # fmt: skip
    rows = [
        [
            r["stage"], f"{r['ms']:,.1f}", mb(r["resident"]), mb(r["resident"] - r["anonymous"]), mb(r["anonymous"], 1),
            mb(r["private_dirty"], 1), f"{r['minor_faults']:,}", f"{r['major_faults']:,}", mb(r["cached"]),
            mb(r.get("charged")),
        ]
        for r in records
    ]  # fmt: skip
    return Table(caption, header, rows)


def chart(ways, sizes):
    title = f"A file of {mb(sizes.file_bytes)} MB, mapped privately"
    panels = [
        Bars("mapped once", [parts(r) for r in ways["private"]]),
        Bars("the original mapped beside it", [parts(r) for r in ways["private and shared"]]),
    ]
    labels = [r["stage"] for r in ways["private"]]
    subtitle = "MB; blue and orange together are the process's resident memory"
    return BarChart(title, subtitle, labels, panels, tuple(PART))


def parts(record):
    copies = record["anonymous"]
    mapped = record["resident"] - copies
    only_cached = max(0, record["cached"] - mapped)
    return [(copies / 1e6, 0), (mapped / 1e6, 1), (only_cached / 1e6, 2)]


def checks(ways, sizes):
    stages = {r["stage"]: r for r in ways["private"]}
    beside = {r["stage"]: r for r in ways["private and shared"]}
    read, again = stages["every element read"], stages["read once more"]
    one, all_changed = stages["one element changed"], stages["every element changed"]
    pages = sizes.file_bytes / PAGE_BYTES
    own = stages["mapped"]["resident"]
    slack = 4e6  # the program's own memory, which grows a little
    return [
        about("reading maps the file: resident, MB", read["resident"] / 1e6, (own + sizes.file_bytes) / 1e6, 0.01, 4),
        Check("reading copies nothing: copies, MB", (read["anonymous"] - stages["mapped"]["anonymous"]) / 1e6, 0, 1),
        Check("reading again costs no fault", again["minor_faults"], 0, 0),
        Check("one element changed: pages copied", (one["anonymous"] - again["anonymous"]) / PAGE_BYTES, 1, 1),
        about("every element changed: pages copied", all_changed["minor_faults"], pages - 1, 0.01, 4),
        about("a copy takes the place of the file's page: resident, MB", all_changed["resident"] / 1e6,
              read["resident"] / 1e6, 0.01, 2),
        about("copies and cached file together, MB", (all_changed["anonymous"] + all_changed["cached"]) / 1e6,
              2 * sizes.file_bytes / 1e6, 0.01, slack / 1e6),
        about("original mapped beside: resident, MB", beside["every element changed"]["resident"] / 1e6,
              (own + 2 * sizes.file_bytes) / 1e6, 0.01, slack / 1e6),
        Check("the file has not changed", min(r["file_unchanged"] for r in stages.values()), 1, 1),
    ]  # fmt: skip
