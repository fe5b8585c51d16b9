#!/usr/bin/env python3
"""The lab runs, what it foretells is seen, and a figure that is not as foretold is noticed.

Only memory and faults are judged: how long something takes depends on who else runs.
"""

import copy
import re
import subprocess
import sys
import tempfile
import unittest
import xml.etree.ElementTree as xml
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "bench"))

import cow_lab  # noqa: E402
from lib import lab_owner, lab_policies, lab_private_file, lab_report, lab_share_written, lab_spawning  # noqa: E402

SIZES = replace(cow_lab.QUICK, one_by_one=False)


def missed(checks):
    return [f"{check.text}: {check.seen}, not {check.foretold()}" for check in checks if not check.holds]


class Experiments(unittest.TestCase):
    def run_and_look(self, number):
        with tempfile.TemporaryDirectory(dir=ROOT / "build") as scratch:
            experiment = cow_lab.run_one(number, SIZES, scratch)
        self.assertEqual(experiment.number, number)
        self.assertTrue(experiment.checks)
        self.assertEqual(missed(experiment.checks), [])
        for table in experiment.tables:
            self.assertTrue(table.rows)
            self.assertEqual({len(row) for row in table.rows}, {len(table.header)})
        for chart in experiment.charts.values():
            xml.fromstring(chart.svg())
        return experiment

    def test_private_file(self):
        experiment = self.run_and_look(1)
        records = copy.deepcopy(experiment.records)
        ways = {way: [r for r in records if r["mappings"] == way] for way in ["private", "private and shared"]}
        ways["private"][3]["anonymous"] += 4096
        self.assertEqual(len(missed(lab_private_file.checks(ways, SIZES))), 1, "two pages copied for one element")

    def test_spawning(self):
        records = copy.deepcopy(self.run_and_look(2).records)
        records[0]["spawn_touch_faults"] += 100
        self.assertEqual(len(missed(lab_spawning.checks(records))), 1, "faults after posix_spawn")

    def test_share_written(self):
        records = copy.deepcopy(self.run_and_look(3).records)
        grown = [r for r in records if r["pages"] == "2 MiB" and r["writes"] * 4096 > 0.2 * r["bytes"]]
        grown[0]["child_private_dirty"] *= 1.1
        self.assertEqual(len(missed(lab_share_written.checks(records))), 1, "a tenth more copied than foretold")

    def test_owner(self):
        records = copy.deepcopy(self.run_and_look(4).records)
        reading = [r for r in records if r["experiment"] == "reading"]
        next(r for r in reading if r["counts"] == lab_owner.NONE)["copied"] += reading[0]["bytes"] / 10
        self.assertEqual(len(missed(lab_owner.reading_checks(reading))), 1, "reading without counts copied")

    def test_policies(self):
        experiment = self.run_and_look(5)
        outcomes = [lab_policies.Outcome(**record) for record in experiment.records]
        for outcome in outcomes:
            if outcome.off == ():
                outcome.moved = outcome.child_private = outcome.faulted = 1 << 40
        self.assertNotEqual(missed(lab_policies.checks(outcomes)), [], "all four policies copy more than redis-server")


class CommandLine(unittest.TestCase):
    def run_lab(self, *arguments):
        command = [sys.executable, ROOT / "bench/cow_lab.py", *arguments]
        return subprocess.run(list(map(str, command)), capture_output=True, text=True)

    def test_writes_tables_and_pictures(self):
        with tempfile.TemporaryDirectory() as folder:
            done = self.run_lab("3", "--quick", "--check", "--output", folder)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            found = sorted(re.sub(r"^\d{4}-\d\d-\d\d-", "", path.name) for path in Path(folder).iterdir())
            self.assertEqual(found, ["cow-lab-quick.csv", "cow-lab-quick.md", "cow-lab-share-written-quick.svg"])

    def test_refuses_an_experiment_that_is_not_there(self):
        self.assertEqual(self.run_lab("6").returncode, 2)


class Document(unittest.TestCase):
    def test_its_tables_are_those_of_the_result_it_names(self):
        path = ROOT / "docs/OBSERVING_COW.md"
        document = path.read_text()
        results = {(path.parent / name).resolve() for name in lab_report.SOURCE.findall(document)}
        self.assertEqual(len(results), 1)
        result = results.pop().read_text()
        self.assertTrue(lab_report.blocks(document))
        for number, which, text in lab_report.blocks(document):
            self.assertIn(text, result, f"table {number}.{which}")


class Memory(unittest.TestCase):
    def test_sizes_shrink_and_say_so(self):
        full = cow_lab.Sizes()
        self.assertEqual(cow_lab.fitted(full, 1 << 40), (full, []))
        small, smaller = cow_lab.fitted(full, 1 << 30)
        self.assertIn("spawn_sizes", smaller)
        self.assertLess(max(small.spawn_sizes), 1 << 30)
        self.assertLess(small.share_bytes * 2, 1 << 30)


if __name__ == "__main__":
    unittest.main(verbosity=2)
