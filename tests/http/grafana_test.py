#!/usr/bin/env python3
"""docs/grafana: every query of the dashboard and the alert rules, run by Debian's prometheus on a server that saves.

Usage: grafana_test.py SERVER_BINARY (or the environment variable COWSLIP_SERVER)
"""
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.parse
import urllib.request

import support
from support import PATIENCE, Server, need, wait_until

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "grafana")
# Without a limit that holds on this machine there is nothing to compare with; the ledger may have had too little.
MAY_BE_EMPTY = re.compile(r"cowslip_memory_headroom_bytes|cowslip_snapshot_ledger_difference_ratio")

PROMETHEUS = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: cowslip
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
    basic_auth: {{username: default, password: sesame}}
"""


def dashboard():
    with open(os.path.join(FOLDER, "dashboard.json"), encoding="utf-8") as file:
        return json.load(file)


def dashboard_queries():
    """(title, query) of all panels and annotations."""
    found = [(one["name"], one["expr"]) for one in dashboard()["annotations"]["list"]]
    for panel in dashboard()["panels"]:
        found += [(panel["title"], target["expr"]) for target in panel.get("targets", [])]
    return found


def without_comparison(query):
    """An alert's query as long as it is quiet gives nothing: what it looks at must give something."""
    return re.split(r"\s*(?:==|>|<)\s*[\d.*\s]+(?:and\b|$)", query)[0]


class Prometheus:
    def __init__(self, server):
        self.server = server
        self.folder = tempfile.TemporaryDirectory(prefix="cowslip-prometheus-")
        self.port = support.free_port()
        config = os.path.join(self.folder.name, "prometheus.yml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(PROMETHEUS.format(port=server.http_port, rules=os.path.abspath(f"{FOLDER}/alerts.yml")))
        with open(os.path.join(self.folder.name, "log"), "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={self.folder.name}/data",
                 f"--web.listen-address=127.0.0.1:{self.port}", "--log.level=warn"],
                stdout=log, stderr=log, preexec_fn=support.die_with_parent)

    def get(self, path, **arguments):
        url = f"http://127.0.0.1:{self.port}/api/v1/{path}?{urllib.parse.urlencode(arguments)}"
        try:
            with urllib.request.urlopen(url, timeout=PATIENCE) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:  # its body says what is wrong with the query; or it is starting
            text = error.read().decode()
            return json.loads(text) if text.startswith("{") else {"status": text}
        except OSError:
            return {"status": "not there"}

    def query(self, text):
        """The series it gives; an error fails the test."""
        answer = self.get("query", query=text)
        assert answer["status"] == "success", f"{text}\n{answer}"
        return answer["data"]["result"]

    def scraped(self, times):
        """Whether it has asked so many times, and was answered."""
        answer = self.get("query", query="count_over_time(up{job=\"cowslip\"}[1h])")
        result = answer.get("data", {}).get("result", [])
        return bool(result) and float(result[0]["value"][1]) >= times

    def rules(self):
        return [rule for group in self.get("rules")["data"]["groups"] for rule in group["rules"]]

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.folder.cleanup()


class Queries(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--requirepass", "sesame", "--rdb-key-save-delay", "20")
        os.environ["REDISCLI_AUTH"] = "sesame"
        cls.server.cli("NOSUCH")
        cls.server.fill(100_000)
        cls.prometheus = Prometheus(cls.server)
        wait_until(lambda: cls.prometheus.scraped(2), "prometheus")
        cls.server.cli("BGSAVE")
        for i in range(40):
            cls.server.fill(1_000)
            cls.server.cli("GET", f"key:{i}")
            time.sleep(0.05)
        cls.server.cli("CONFIG", "SET", "rdb-key-save-delay", "0")
        wait_until(lambda: cls.prometheus.scraped(8), "prometheus")

    @classmethod
    def tearDownClass(cls):
        cls.prometheus.stop()
        cls.server.stop()
        del os.environ["REDISCLI_AUTH"]

    def instance(self):
        return f"127.0.0.1:{self.server.http_port}"

    def test_the_server_is_up_for_prometheus(self):
        self.assertEqual(self.prometheus.query('up{job="cowslip"}')[0]["value"][1], "1")

    def test_the_dashboards_queries(self):
        queries = dashboard_queries()
        self.assertGreater(len(queries), 25)
        for title, query in queries:
            with self.subTest(panel=title, query=query):
                text = query.replace("$job", "cowslip").replace("$instance", self.instance())
                result = self.prometheus.query(text)
                if title != "Saves" and not MAY_BE_EMPTY.search(query):
                    self.assertTrue(result, "gives nothing")

    def test_the_dashboards_annotation_finds_the_save(self):
        """The number of the save changed once: when it began."""
        query = dict(dashboard_queries())["Saves"].replace("$job", "cowslip").replace("$instance", self.instance())
        looked_at = query.replace("changes(", "count_over_time(").split(" > ")[0]
        self.assertTrue(self.prometheus.query(looked_at))

    def test_the_dashboards_variables(self):
        for variable in dashboard()["templating"]["list"]:
            if variable["type"] != "query":
                continue
            metric, label = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]).groups()
            result = self.prometheus.query(metric.replace("$job", "cowslip"))
            self.assertIn(label, result[0]["metric"])

    def test_the_dashboards_panels_do_not_overlap(self):
        taken = set()
        for panel in dashboard()["panels"]:
            place = panel["gridPos"]
            self.assertLessEqual(place["x"] + place["w"], 24)
            cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                     for y in range(place["y"], place["y"] + place["h"])}
            self.assertFalse(cells & taken, panel["title"])
            taken |= cells

    def test_the_rules_are_well_formed(self):
        done = subprocess.run(["promtool", "check", "rules", os.path.join(FOLDER, "alerts.yml")],
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        self.assertEqual(done.returncode, 0, done.stdout.decode())
        self.assertIn(f"{len(self.prometheus.rules())} rules found", done.stdout.decode())

    def test_each_rule_fires_when_it_should_and_only_then(self):
        path = os.path.join(FOLDER, "alerts_test.yml")
        done = subprocess.run(["promtool", "test", "rules", path], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout.decode())
        with open(path, encoding="utf-8") as file:
            cases = re.findall(r"alertname: (\w+),?\s+exp_alerts:( \[\])?", file.read())
        names = [rule["name"] for rule in self.prometheus.rules()]
        wanted = {(name, expected) for name in names for expected in ("", " []")}  # fires, is quiet
        self.assertEqual(set(cases), wanted)

    def test_the_rules_look_at_something(self):
        rules = self.prometheus.rules()
        self.assertGreater(len(rules), 5)
        for rule in rules:
            query = rule["query"]
            with self.subTest(rule=rule["name"], query=query):
                self.prometheus.query(query)
                looked_at = without_comparison(query)
                self.assertNotEqual(looked_at, query)
                result = self.prometheus.query(looked_at)
                if not MAY_BE_EMPTY.search(query):
                    self.assertTrue(result, f"{looked_at} gives nothing")

    def test_prometheus_evaluates_the_rules(self):
        for rule in self.prometheus.rules():
            self.assertEqual(rule["health"], "ok", rule)


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        support.BINARY = os.path.abspath(sys.argv.pop(1))
    need("promtool", "prometheus")
    unittest.main(verbosity=2)
