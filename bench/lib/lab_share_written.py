"""Experiment 3: growth against the share of pages written, foretold and measured."""

from lib import lab_program
from lib.lab_report import Experiment, Table, deviation, mb
from lib.svg_plot import Panel, Plot, Series

SMALL, HUGE = 4 << 10, 2 << 20


def foretold_bytes(total, page, writes):
    """What `writes` random writes copy of `total` bytes in pages of `page`: each page is missed by all of them with
    probability (1 - 1/P)^n."""
    pages = total / page
    return total * (1 - (1 - 1 / pages) ** writes)


def run(sizes):
    records = lab_program.measure("share-written", grouped=True, bytes=sizes.share_bytes, seed=sizes.seed)
    setting = (
        f"{sizes.share_bytes >> 20:,} MiB of memory, a sleeping child, and a parent that writes 8 bytes at random "
        f"places (seed {sizes.seed})."
    )
    title = "Growth against the share of pages written"
    return Experiment(3, "share-written", title, setting, [table(records)], {"share-written": plot(records)},
                      checks(records), records, notes(records))  # fmt: skip


def pairs(records):
    """(small, huge) at the same number of writes."""
    small = [r for r in records if r["pages"] == "4 KiB"]
    huge = [r for r in records if r["pages"] == "2 MiB"]
    return list(zip(small, huge))


def measured(records, record):
    """The child's Private_Dirty since the fork: a page that the parent has copied is the child's alone."""
    first = next(r for r in records if r["pages"] == record["pages"])
    return record["child_private_dirty"] - first["child_private_dirty"]


def table(records):
    header = ["writes, % of the 4 KiB pages", "foretold, MB", "4 KiB pages: Private_Dirty", "faults x 4 KiB", "group",
              "2 MiB pages: Private_Dirty", "faults x 4 KiB", "group", "still huge",
              "foretold if 2 MiB were copied"]  # fmt: skip
    rows = []
    for small, huge in pairs(records)[1:]:
        total, writes = small["bytes"], small["writes"]
        rows.append([
            f"{100 * writes / (total / SMALL):,.3g}", mb(foretold_bytes(total, SMALL, writes), 1),
            *columns(records, small), *columns(records, huge), mb(huge["huge"]),
            mb(foretold_bytes(total, HUGE, writes), 1),
        ])  # fmt: skip
    return Table("Copied, MB:", header, rows)


def columns(records, record):
    return [mb(measured(records, record), 1), mb(record["faults"] * SMALL, 1), mb(record.get("group_growth"), 1)]


def plot(records):
    total = records[0]["bytes"]

    def share(writes):
        return 100 * writes / (total / SMALL)

    def seen(number):
        return [(share(pair[number]["writes"]), 100 * measured(records, pair[number]) / total)
                for pair in pairs(records)[1:]]  # fmt: skip

    # A smooth curve: ten points for each doubling of the last and largest number of writes, down to the first.
    first, last = pairs(records)[1][0]["writes"], records[-1]["writes"]
    writes = [first * (last / first) ** (i / 100) for i in range(101)]
    curves = [[(share(n), 100 * foretold_bytes(total, page, n) / total) for n in writes] for page in (SMALL, HUGE)]
    series = [
        Series("foretold, 4 KiB copied per page", curves[0]),
        Series("foretold, if 2 MiB were copied", curves[1], "dashed"),
        Series("measured, 4 KiB pages", seen(0), "dots"),
        Series("measured, 2 MiB pages", seen(1), "dots"),
    ]
    return Plot("What random writes copy while a child lives", f"{total >> 20:,} MiB of memory, 8 bytes per write",
                "random writes, % of the number of 4 KiB pages (logarithmic)", "copied, % of memory",
                [Panel("", series)], x_log=True)  # fmt: skip


def checks(records):
    """From writes to 5 % of the pages on: with fewer, the program's own pages show."""
    total = records[0]["bytes"]
    found = []
    for number, pages in enumerate(["4 KiB pages", "2 MiB pages"]):
        seen = [pair[number] for pair in pairs(records) if pair[number]["writes"] >= 0.05 * total / SMALL]

        def against(value):
            return [(value(r), foretold_bytes(total, SMALL, r["writes"])) for r in seen]

        found.append(deviation(f"{pages}: copied", against(lambda r: measured(records, r)), 3))
        found.append(deviation(f"{pages}: faults x 4 KiB", against(lambda r: r["faults"] * SMALL), 3))
        if "group_growth" in records[0]:
            found.append(deviation(f"{pages}: growth of the group", against(lambda r: r["group_growth"]), 6))
    return found


def notes(records):
    if any(r["huge"] for r in records if r["pages"] == "2 MiB"):
        return []
    return ["the kernel gave no huge pages here, so both halves were measured with 4 KiB pages."]
