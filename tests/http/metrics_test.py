#!/usr/bin/env python3
"""/metrics: well-formed, and with every metric that Debian's prometheus-redis-exporter makes of a server.

Usage: metrics_test.py SERVER_BINARY (or the environment variable COWSLIP_SERVER)
"""
import http.client
import os
import re
import subprocess
import sys
import time
import unittest

import support
from support import STORED_S, Server, need, wait_until

# What the exporter says of itself and of its own work.
EXPORTERS_OWN = re.compile(r"redis_exporter_.*|redis_target_scrape_request_errors_total|"
                           r"redis_last_key_groups_scrape_duration_milliseconds")
# Labels whose values are the server's own: only their names can be compared.
VOLATILE = {"process_id", "redis_build_id", "redis_version", "run_id", "tcp_port", "os"}
SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"')


def parse(text):
    """{name: type}, and the samples as (name, {label: value}, number)."""
    types, samples = {}, []
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            types[name] = kind
        elif line and not line.startswith("#"):
            name, labels, value = SAMPLE.match(line).groups()
            samples.append((name, dict(LABEL.findall(labels or "")), float(value)))
    return types, samples


def use(server):
    """A bit of everything that has metrics of its own: keys, expiries, errors, a spike, a slow command, a save."""
    server.cli("CONFIG", "SET", "latency-monitor-threshold", "1", "slowlog-log-slower-than", "0")
    server.cli("SET", "a", "b")
    server.cli("SET", "e", "f", "EX", "1000")
    server.cli("-n", "3", "SET", "a", "1")
    server.cli("-n", "3", "INCR", "a")
    server.cli("INCR", "a")
    server.cli("GET", "nothing")
    server.cli("NOSUCH")
    server.cli("CLIENT", "LIST")
    server.cli("DEBUG", "SLEEP", "0.05")
    server.save()


class Exporter:
    """prometheus-redis-exporter beside a server."""

    def __init__(self, server):
        self.port = support.free_port()
        self.process = subprocess.Popen(
            ["prometheus-redis-exporter", "-redis.addr", f"redis://127.0.0.1:{server.port}", "-include-system-metrics",
             "-web.listen-address", f"127.0.0.1:{self.port}"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=support.die_with_parent)

    def try_metrics(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request("GET", "/metrics")
            return connection.getresponse().read().decode()
        except OSError:
            return None
        finally:
            connection.close()

    def metrics(self):
        return wait_until(self.try_metrics, "the exporter")

    def stop(self):
        self.process.kill()
        self.process.wait()


def through_exporter(server):
    exporter = Exporter(server)
    try:
        return parse(exporter.metrics())
    finally:
        exporter.stop()


def redis_metrics(types):
    return {name: kind for name, kind in types.items()
            if name.startswith("redis_") and not EXPORTERS_OWN.fullmatch(name)}


class LikeTheExporter(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--enable-debug-command", "yes")
        use(cls.server)
        cls.exported, cls.exported_samples = through_exporter(cls.server)
        cls.ours, cls.our_samples = parse(cls.server.metrics())

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_every_metric_of_our_server_is_there_with_its_type(self):
        wanted = redis_metrics(self.exported)
        self.assertGreater(len(wanted), 110)
        self.assertEqual({name: self.ours.get(name) for name in wanted}, wanted)

    def test_and_none_besides(self):
        self.assertEqual(set(redis_metrics(self.ours)) - set(self.exported), set())

    def test_every_metric_of_a_redis_server_is_there(self):
        with Server("--enable-debug-command", "yes", binary="redis-server", http=False) as redis:
            use(redis)
            types, _ = through_exporter(redis)
        wanted = redis_metrics(types)
        self.assertGreater(len(wanted), 110)
        self.assertEqual({name: self.ours.get(name) for name in wanted}, wanted)

    def test_labels_are_the_same(self):
        def series(samples):
            found = set()
            for name, labels, _ in samples:
                base = re.sub("_(sum|count)$", "", name)
                if name.startswith("redis_") and not EXPORTERS_OWN.fullmatch(base):
                    found.add((name, tuple(sorted((key, "" if key in VOLATILE else value)
                                                  for key, value in labels.items()))))
            return found

        # The exporter's own commands came after it asked.
        own_commands = {"slowlog|get", "latency|latest", "client|setname", "info", "config|get", "slowlog|len",
                        "latency|histogram"}
        missing = {one for one in series(self.exported_samples) - series(self.our_samples)
                   if not any(key == "cmd" and value in own_commands for key, value in one[1])}
        self.assertEqual(missing, set())

    def test_values_are_the_same(self):
        def value_of(samples, name, **labels):
            return next(value for found, given, value in samples if found == name and labels.items() <= given.items())

        for name, labels in [("redis_db_keys", {"db": "db0"}), ("redis_db_keys", {"db": "db3"}),
                             ("redis_db_keys", {"db": "db15"}), ("redis_db_keys_expiring", {"db": "db0"}),
                             ("redis_commands_total", {"cmd": "incr"}),
                             ("redis_commands_failed_calls_total", {"cmd": "incr"}),
                             ("redis_errors_total", {"err": "ERR"}), ("redis_keyspace_misses_total", {}),
                             ("redis_rdb_last_bgsave_status", {}), ("redis_aof_last_write_status", {}),
                             ("redis_config_maxclients", {}), ("redis_total_system_memory_bytes", {}),
                             ("redis_latency_spike_duration_seconds", {"event_name": "command"}),
                             ("redis_latest_fork_seconds", {}), ("redis_start_time_seconds", {}),
                             ("redis_rdb_last_save_timestamp_seconds", {}), ("redis_up", {})]:
            with self.subTest(name, **labels):
                self.assertAlmostEqual(value_of(self.our_samples, name, **labels),
                                       value_of(self.exported_samples, name, **labels),
                                       delta=1 if name == "redis_start_time_seconds" else 1e-9)


class WellFormed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--enable-debug-command", "yes", "--rdb-key-save-delay", "20")
        cls.server.fill(20_000)
        use(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def lint(self):
        done = subprocess.run(["promtool", "check", "metrics"], input=self.server.metrics().encode(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout.decode().splitlines()

    def test_promtool_finds_fault_only_with_the_exporters_names(self):
        status, complaints = self.lint()
        self.assertIn(status, (0, 3))  # 3: complaints, but no error
        self.assertTrue(complaints)
        names = [line.split()[0] for line in complaints]
        self.assertEqual([name for name in names if not name.startswith("redis_")], [], complaints)

    def test_no_sample_is_there_twice(self):
        lines = [line.rsplit(" ", 1)[0] for line in self.server.metrics().splitlines() if not line.startswith("#")]
        self.assertEqual(len(lines), len(set(lines)))

    def test_everything_has_help(self):
        text = self.server.metrics()
        types, _ = parse(text)
        for name in types:
            self.assertRegex(text, rf"(?m)^# HELP {name} \S.*$")

    def test_label_values_are_escaped(self):
        """A client can make up the first word of an error."""
        self.server.cli("EVAL", 'return redis.error_reply("x")', "0")
        self.server.cli("CONFIG", "SET", "no\"such\\thing\n", "1")
        self.assertIn(self.lint()[0], (0, 3))

    def test_a_running_save(self):
        self.server.cli("BGSAVE")
        time.sleep(STORED_S)
        types, samples = parse(self.server.metrics())
        values = {name: value for name, labels, value in samples if not labels}
        self.assertEqual(values["cowslip_snapshot_running"], 1)
        self.assertGreaterEqual(values["cowslip_snapshot_keys"], 20_000)
        wait_until(lambda: "cowslip_snapshot_progress_ratio 0." in self.server.metrics(), "progress")
        wait_until(lambda: "\ncowslip_snapshot_running 0\n" in self.server.metrics(), "the end")
        time.sleep(STORED_S)
        _, samples = parse(self.server.metrics())
        values = {name: value for name, labels, value in samples if not labels}
        self.assertEqual(values["cowslip_snapshot_progress_ratio"], 1)
        self.assertGreater(values["cowslip_snapshot_duration_seconds"], 0.1)
        self.assertGreater(values["cowslip_snapshot_fork_seconds"], 0)
        self.assertGreater(values["cowslip_snapshot_written_bytes"], 100_000)
        self.assertEqual(types["cowslip_command_latency_seconds"], "histogram")

    def snapshot_series(self):
        return {(name, tuple(sorted(labels.items()))): value for name, labels, value in parse(self.server.metrics())[1]
                if name.startswith("cowslip_snapshot_") and name != "cowslip_snapshot_running"}

    def save_under_writes(self):
        self.server.cli("BGSAVE")
        self.server.fill(20_000)
        # Not by the metrics: they may still be those of before it began.
        wait_until(lambda: "rdb_bgsave_in_progress:0" in self.server.cli("INFO", "persistence"), "the end")
        time.sleep(STORED_S)

    def test_copied_is_all_that_was_copied(self):
        self.save_under_writes()
        series = self.snapshot_series()
        save = self.server.snapshot()["save"]
        self.assertGreater(save["copied_total"], 0)
        self.assertEqual(series["cowslip_snapshot_copied_bytes", ()], save["copied_total"])
        self.assertEqual(series["cowslip_snapshot_copied_peak_bytes", ()], save["copied_peak"])
        self.assertEqual(series["cowslip_snapshot_copied_now_bytes", ()], save["timeline"][-1]["copied"])

    def test_a_restart_changes_nothing_about_the_last_save(self):
        self.save_under_writes()
        before = self.snapshot_series()
        self.assertGreater(before["cowslip_snapshot_parent_resident_bytes", ()], 1 << 20)
        self.server.kill()
        self.server.start()
        wait_until(lambda: self.server.status("/readyz") == 200, "the dataset")
        self.assertEqual(self.snapshot_series(), before)

    def test_the_histogram_adds_up(self):
        _, samples = parse(self.server.metrics())
        for save in ("inside", "outside"):
            buckets = [(float(labels["le"]), value) for name, labels, value in samples
                       if name == "cowslip_command_latency_seconds_bucket" and labels["save"] == save]
            count = next(value for name, labels, value in samples
                         if name == "cowslip_command_latency_seconds_count" and labels["save"] == save)
            self.assertEqual(len(buckets), 22)
            self.assertEqual(buckets, sorted(buckets))
            self.assertEqual([value for _, value in buckets], sorted(value for _, value in buckets))
            self.assertEqual(buckets[-1], (float("inf"), count))


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        support.BINARY = os.path.abspath(sys.argv.pop(1))
    need("promtool", "prometheus-redis-exporter", "redis-server")
    unittest.main(verbosity=2)
