"""What an experiment of the lab comes to: tables, a picture, and what was foretold beside what was seen."""

import csv
import datetime
import os
import platform
import re
import textwrap
from dataclasses import dataclass, field
from pathlib import Path

MB = 1e6


@dataclass
class Table:
    caption: str
    header: list
    rows: list  # of lists of texts

    def markdown(self):
        lines = [self.caption, ""] if self.caption else []
        lines.append(f"| {' | '.join(self.header)} |")
        lines.append("|---|" + "---:|" * (len(self.header) - 1))
        lines += [f"| {' | '.join(row)} |" for row in self.rows]
        return "\n".join(lines)


@dataclass
class Check:
    """A prediction: `seen` lies between `low` and `high`. None: there is no bound on this side."""

    text: str
    seen: float
    low: float | None
    high: float | None

    @property
    def holds(self):
        return (self.low is None or self.seen >= self.low) and (self.high is None or self.seen <= self.high)

    def foretold(self):
        if self.low is None or self.high is None:
            return f"at most {self.high:,.4g}" if self.low is None else f"at least {self.low:,.4g}"
        return f"{self.low:,.4g}" if self.low == self.high else f"{self.low:,.4g} to {self.high:,.4g}"


def about(text, seen, foretold, tolerance, slack=0):
    """A Check for a value that is to be near another: relative tolerance, and an absolute slack."""
    margin = abs(foretold) * tolerance + slack
    return Check(text, seen, foretold - margin, foretold + margin)


def deviation(text, pairs, most_percent):
    """A Check for many values at once: how far the worst of (seen, foretold) is off, in per cent of the foretold."""
    worst = max((abs(seen - foretold) / foretold for seen, foretold in pairs), default=0)
    return Check(f"{text}: largest deviation, %", 100 * worst, 0, most_percent)


@dataclass
class Experiment:
    number: int
    slug: str
    title: str
    setting: str  # sizes, in a sentence
    tables: list
    charts: dict  # name -> Plot or BarChart
    checks: list
    records: list  # of dictionaries: everything measured
    notes: list = field(default_factory=list)

    def markdown(self):
        parts = [f"## {self.number}. {self.title}", wrapped(self.setting), *[t.markdown() for t in self.tables]]
        parts += [wrapped(f"Note: {note}") for note in self.notes]
        if self.checks:
            parts.append(check_table(self.checks).markdown())
        return "\n\n".join(parts)


def check_table(checks):
    rows = [
        [check.text, check.foretold(), f"{check.seen:,.4g}", "as foretold" if check.holds else "**NOT AS FORETOLD**"]
        for check in checks
    ]
    return Table("", ["", "foretold", "seen", ""], rows)


def wrapped(text):
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def machine():
    thp = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    mode = thp.read_text().split("[")[1].split("]")[0] if thp.exists() else "not there"
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, Linux {platform.release().split('-')[0]}, "
        f"transparent huge pages: {mode}"
    )


def markdown(experiments, command, seconds, load):
    head = [
        f"{datetime.date.today()}: `{command}`, {seconds:.0f} s; {machine()}; "
        f"load average {load[0]:.1f} at the beginning, {os.getloadavg()[0]:.1f} at the end.",
        "Sizes are in MB of 10^6 bytes where nothing else is said. "
        "[docs/OBSERVING_COW.md](../../docs/OBSERVING_COW.md) explains each experiment.",
    ]
    parts = ["# The copy-on-write lab", *map(wrapped, head)]
    return "\n\n".join([*parts, *[experiment.markdown() for experiment in experiments]]) + "\n"


def write_csv(path, experiments):
    """One line per figure: experiment, the number of its measurement, name, value."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["experiment", "measurement", "name", "value"])
        for experiment in experiments:
            for number, record in enumerate(experiment.records):
                for name, value in record.items():
                    writer.writerow([experiment.number, number, name, value])


def mb(size, digits=0):
    return "" if size is None else f"{size / MB:,.{digits}f}"


# In the document a table stands between these. What is between them is written by the lab alone.
BLOCK = re.compile(r"<!-- table (\d)\.(\d) -->\n(.*?)\n<!-- end -->", re.DOTALL)
SOURCE = re.compile(r"\.\./bench/results/[^)]*-cow-lab\.md")


def blocks(document):
    """(experiment, table, text) of each table of a document."""
    return [(int(match[1]), int(match[2]), match[3]) for match in BLOCK.finditer(document)]


def update_document(docs, experiments, result):
    """Puts the tables and pictures of this run into docs/OBSERVING_COW.md; returns what was written."""
    path = docs / "OBSERVING_COW.md"
    tables = {(e.number, i): table.markdown() for e in experiments for i, table in enumerate(e.tables, 1)}

    def replaced(match):
        number, which = int(match[1]), int(match[2])
        text = tables.get((number, which), match[3])
        return f"<!-- table {number}.{which} -->\n{text}\n<!-- end -->"

    text = SOURCE.sub(f"../bench/results/{result.name}", path.read_text())
    path.write_text(BLOCK.sub(replaced, text))
    pictures = [(docs / f"images/cow-lab-{name}.svg", c) for e in experiments for name, c in e.charts.items()]
    for file, chart in pictures:
        file.write_text(chart.svg())
    return [path, *[file for file, _ in pictures]]
