#!/usr/bin/env python3
"""redis-cli and scripts/watch against Cowslip, driven as a person would: every mode that the server has to carry.

Usage: cli_test.py SERVER_BINARY (or the environment variable COWSLIP_SERVER)
"""
import ctypes
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest

import pexpect

PATIENCE = 60  # seconds; only hangs reach it


def die_with_parent():
    """Run in the server before it starts: the kernel kills it should this script be killed."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A server in a folder of its own, ended and cleaned up by stop()."""

    def __init__(self, *directives):
        self.folder = tempfile.mkdtemp(prefix="cowslip-cli-")
        self.port = free_port()
        self.log = open(os.path.join(self.folder, "server.log"), "wb")
        self.process = subprocess.Popen(
            [BINARY, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", self.folder, "--save", "",
             "--enable-debug-command", "yes", *directives],
            stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, preexec_fn=die_with_parent)
        self.wait_ready()

    def wait_ready(self):
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", self.port)).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("the server does not come up")

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.log.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def run(self, *arguments, text="", status=0):
        """redis-cli to its end; its output."""
        done = subprocess.run(["redis-cli", "-p", str(self.port), *arguments], input=text.encode("latin-1"),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=PATIENCE, check=False)
        output = done.stdout.decode("latin-1")
        if status is not None and done.returncode != status:
            raise AssertionError(f"redis-cli {' '.join(arguments)} ended with {done.returncode}:\n{output}")
        return output

    def start(self, *arguments):
        """redis-cli on a terminal."""
        environment = {**os.environ, "TERM": "xterm", "HOME": self.folder, "REDISCLI_HISTFILE": "/dev/null"}
        return pexpect.spawn("redis-cli", ["-p", str(self.port), *arguments], env=environment, timeout=PATIENCE,
                             encoding="latin-1", dimensions=(40, 200))


class RedisCli(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        self.server.run("FLUSHALL")

    def prompt(self, cli, database=""):
        cli.expect_exact(f"127.0.0.1:{self.server.port}{database}> ")

    def end(self, cli):
        cli.close(force=True)

    def test_one_command(self):
        self.assertEqual(self.server.run("SET", "k", "v"), "OK\n")
        self.assertEqual(self.server.run("GET", "k"), "v\n")
        self.assertEqual(self.server.run("--no-raw", "GET", "k"), '"v"\n')
        self.assertEqual(self.server.run("-n", "3", "GET", "k"), "\n")
        self.assertIn("ERR unknown command 'NOSUCH'", self.server.run("NOSUCH", status=None))

    def test_interactive_session(self):
        cli = self.server.start()
        self.prompt(cli)
        for typed, answer in [("SET greeting hello", "OK"), ("GET greeting", '"hello"'), ("INCR n", "(integer) 1"),
                              ("GET nothing", "(nil)"), ("KEYS gree*", '1) "greeting"'),
                              ("INCR greeting", "(error) ERR value is not an integer or out of range")]:
            cli.send(typed + "\r")
            cli.expect_exact(answer)
            self.prompt(cli)
        cli.send("SELECT 2" + "\r")
        self.prompt(cli, "[2]")
        cli.send("QUIT\r")
        cli.expect(pexpect.EOF)
        self.end(cli)

    def test_hints_appear_while_typing(self):
        for typed, hint in [("set ", "key value"), ("expire ", "key seconds"), ("getrange k ", "start end"),
                            ("config get ", "parameter"), ("copy ", "source destination"),
                            ("snapshot history ", "[count]")]:
            with self.subTest(typed):
                cli = self.server.start()
                self.prompt(cli)
                cli.send(typed)
                cli.expect_exact(hint)
                self.end(cli)

    def test_help(self):
        cli = self.server.start()
        self.prompt(cli)
        cli.send("help set\r")
        cli.expect(r"SET[^\n]*key value")
        cli.expect_exact("summary:")
        cli.expect_exact("since:")
        cli.expect_exact("group:")
        self.prompt(cli)
        cli.send("help @string\r")
        cli.expect_exact("INCRBYFLOAT")
        self.end(cli)

    def test_completion(self):
        cli = self.server.start()
        self.prompt(cli)
        cli.send("getran\t")
        cli.expect_exact("GETRANGE")
        self.end(cli)

    def test_resp3(self):
        self.assertIn("1# ", self.server.run("-3", "--no-raw", "CONFIG", "GET", "timeout"))
        self.server.run("SET", "k", "v")
        self.assertEqual(self.server.run("-3", "GET", "k"), "v\n")
        self.assertIn('"proto" => (integer) 3', self.server.run("-3", "--no-raw", "HELLO"))

    def test_value_from_standard_input(self):
        self.assertEqual(self.server.run("-x", "SET", "text", text="line one\nline two"), "OK\n")
        self.assertEqual(self.server.run("GET", "text"), "line one\nline two\n")

    def test_commands_from_standard_input(self):
        self.assertEqual(self.server.run(text="SET a 1\nINCR a\nGET a\n"), "OK\n2\n2\n")

    def test_pipe(self):
        count = 100_000
        commands = "".join(f"*3\r\n$3\r\nSET\r\n$10\r\nkey:{i:06}\r\n$6\r\n{i:06}\r\n" for i in range(count))
        output = self.server.run("--pipe", text=commands)
        self.assertIn(f"errors: 0, replies: {count}", output)
        self.assertEqual(self.server.run("DBSIZE"), f"{count}\n")
        self.assertEqual(self.server.run("GET", "key:099999"), "099999\n")

    def test_pipe_counts_errors(self):
        output = self.server.run("--pipe", text="SET a b\r\nINCR a\r\nGET a\r\n", status=None)
        self.assertIn("errors: 1, replies: 3", output)

    def test_scan(self):
        self.server.run(text="".join(f"SET user:{i} x\nSET other:{i} y\n" for i in range(300)))
        found = self.server.run("--scan", "--pattern", "user:*").split()
        self.assertEqual(sorted(set(found)), sorted(f"user:{i}" for i in range(300)))
        self.assertEqual(self.server.run("--scan", "--pattern", "none*").strip(), "")

    def test_bigkeys(self):
        self.server.run("SET", "small", "x")
        self.server.run("-x", "SET", "large", text="y" * 12345)
        output = self.server.run("--bigkeys")
        self.assertRegex(output, r'Biggest string found .*"large".* has 12345 bytes')
        self.assertIn("Sampled 2 keys", output)

    def test_memkeys(self):
        self.server.run("SET", "small", "x")
        self.server.run("-x", "SET", "large", text="y" * 50_000)
        output = self.server.run("--memkeys")
        found = re.search(r'Biggest string found .*"large".* has (\d+) bytes', output)
        self.assertIsNotNone(found, output)
        self.assertGreater(int(found.group(1)), 50_000)

    def test_stat(self):
        for i in range(3):
            self.server.run("SET", f"key:{i}", "v")
        cli = self.server.start("--stat", "-i", "0.1")
        cli.expect(r"keys +mem +clients +blocked +requests +connections")
        for _ in range(2):
            # 3 keys, memory such as 1.02M, one client.
            cli.expect(r"\n3 +\d+(\.\d+)?[BKMG] +1 +0 +\d+ \(\+\d+\) +\d+")
        self.end(cli)

    def test_latency(self):
        cli = self.server.start("--latency")
        cli.expect(r"min: \d+, max: \d+, avg: \d+\.\d+ \((\d{2,}) samples\)")
        self.end(cli)

    def test_info_is_readable(self):
        output = self.server.run("INFO")
        for line in ["# Server", "# Clients", "# Memory", "# Persistence", "# Stats", "# Replication", "# CPU"]:
            self.assertIn(line, output)
        self.assertRegex(output, r"used_memory_human:\d+(\.\d\d)?[BKMG]")

    def test_monitor(self):
        cli = self.server.start("MONITOR")
        cli.expect_exact("OK")
        self.server.run("SET", "seen", "yes")
        cli.expect(r'\d+\.\d{6} \[0 127\.0\.0\.1:\d+\] "SET" "seen" "yes"')
        self.end(cli)

    def test_fetch_a_snapshot(self):
        self.server.run(text="".join(f"SET key:{i} {'v' * (1 + i % 100)}\n" for i in range(2000)))
        target = os.path.join(self.server.folder, "fetched.rdb")
        output = self.server.run("--rdb", target)
        self.assertRegex(output, r"Transfer finished with success")
        checked = subprocess.run(["redis-check-rdb", target], stdout=subprocess.PIPE, check=False)
        self.assertEqual(checked.returncode, 0, checked.stdout)
        self.assertIn(b"RDB looks OK", checked.stdout)
        self.assertIn(b"2000 keys read", checked.stdout)
        self.assertEqual(self.server.run("PING"), "PONG\n")

    def test_reconnects_after_being_killed(self):
        cli = self.server.start()
        self.prompt(cli)
        self.server.run("CLIENT", "KILL", "TYPE", "normal")
        cli.send("PING\r")
        cli.expect_exact("not connected> ")
        cli.send("PING\r")
        cli.expect_exact("PONG")
        self.prompt(cli)
        self.end(cli)


class RedisCliWithPassword(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server("--requirepass", "sesame")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_password_option(self):
        self.assertIn("NOAUTH", self.server.run("GET", "k", status=None))
        self.assertEqual(self.server.run("-a", "sesame", "--no-auth-warning", "PING"), "PONG\n")
        self.assertIn("AUTH failed: WRONGPASS", self.server.run("-a", "wrong", "PING", status=None))

    def test_password_from_the_environment(self):
        os.environ["REDISCLI_AUTH"] = "sesame"
        try:
            self.assertEqual(self.server.run("SET", "k", "v"), "OK\n")
        finally:
            del os.environ["REDISCLI_AUTH"]

    def test_auth_at_the_prompt(self):
        cli = self.server.start()
        cli.expect_exact("> ")
        cli.send("AUTH sesame\r")
        cli.expect_exact("OK")
        cli.send("SET inside yes\r")
        cli.expect_exact("OK")
        cli.close(force=True)


class Watch(unittest.TestCase):
    """scripts/watch, which draws SNAPSHOT STATUS."""

    PROGRAM = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../scripts/watch")
    PAGE, PAGE_BACK = "\033[?1049h", "\033[?1049l"

    def setUp(self):
        self.server = Server()
        self.addCleanup(self.server.stop)

    def once(self, *arguments, **environment):
        done = subprocess.run([self.PROGRAM, "127.0.0.1", str(self.server.port), "--once", *arguments],
                              env={**os.environ, "PYTHONIOENCODING": "utf-8", **environment}, timeout=PATIENCE,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.returncode, done.stdout.decode()

    def start(self, **environment):
        watching = pexpect.spawn(self.PROGRAM, ["127.0.0.1", str(self.server.port), "--interval", "0.05"],
                                 env={**os.environ, "TERM": "xterm", **environment}, timeout=PATIENCE,
                                 encoding="utf-8", dimensions=(40, 100))
        self.addCleanup(watching.close, True)
        return watching

    def save(self):
        saves = self.server.run("SNAPSHOT", "HISTORY", "-1").count("summary")
        self.server.run("BGSAVE")
        deadline = time.monotonic() + PATIENCE
        while self.server.run("SNAPSHOT", "HISTORY", "-1").count("summary") == saves:
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.02)

    def test_one_frame_of_a_server_without_saves(self):
        status, output = self.once()
        self.assertEqual(status, 0, output)
        self.assertIn(f"127.0.0.1:{self.server.port}", output)
        self.assertIn("No save is known yet.", output)
        self.assertNotIn("\033", output)

    def test_one_frame_after_saves(self):
        self.server.run("SET", "k", "v")
        self.save()
        self.save()
        status, output = self.once(COLUMNS="80")
        self.assertEqual(status, 0, output)
        self.assertIn("Save 2 (BGSAVE command) ended well after", output)
        self.assertIn("The last saves", output)
        self.assertRegex(output, r"\n +2 \d\d-\d\d \d\d:\d\d:\d\d ok in .*\n +1 ")
        self.assertLessEqual(max(map(len, output.splitlines())), 80)
        fields = (r"[\d.]+ (us|ms|s)", r"grew by -?[\d.]+ [KMG]?B", r"copied [\d.]+ [KMG]?B", r"fork [\d.]+ (us|ms)",
                  r"\d+ keys", "BGSAVE command")
        for columns in range(40, 121, 8):
            line = self.once(COLUMNS=str(columns))[1].splitlines()[-1]
            told = re.sub(r"^ +1 [-\d]+ [:\d]+ ok in ", "", line).split(", ")
            self.assertLessEqual(len(line), columns)
            for field, pattern in zip(told, fields):
                self.assertRegex(field, f"^{pattern}$", line)

    def test_one_frame_while_it_is_too_early_to_tell(self):
        self.server.run("CONFIG", "SET", "rdb-key-save-delay", "100000000")
        self.server.run("MSET", *(word for key in range(1000) for word in (f"k{key}", "v")))
        self.server.run("BGSAVE")
        status, output = self.once()
        self.assertEqual(status, 0, output)
        self.assertIn("Too early to tell", output)
        self.assertNotIn("A save now", output)
        bytes_ = r"-?[\d.]+ [KMG]?B"
        self.assertRegex(output, rf"growth {bytes_}\n +copied {bytes_} and written anew {bytes_} so far")

    def test_one_frame_where_only_ascii_is_shown(self):
        self.save()
        status, output = self.once(PYTHONIOENCODING="ascii")
        self.assertEqual(status, 0, output)
        self.assertTrue(output.isascii())

    def test_redraws_until_interrupted(self):
        watching = self.start()
        watching.expect_exact(self.PAGE)
        watching.expect_exact("No save is known yet.")
        self.save()
        watching.expect_exact("Save 1 (BGSAVE command)")
        watching.expect(r"\x1b\[3\dm")
        watching.sendintr()
        watching.expect_exact("\033[?25h" + self.PAGE_BACK)
        watching.expect(pexpect.EOF)
        self.assertNotIn("Traceback", watching.before)
        watching.close()
        self.assertEqual(watching.exitstatus, 0)

    def test_no_colour_when_not_wanted(self):
        self.save()
        watching = self.start(NO_COLOR="1")
        for _ in range(2):
            watching.expect_exact("Save 1 (BGSAVE command)")
            self.assertNotRegex(watching.before, r"\x1b\[\d*m")
        watching.kill(signal.SIGTERM)
        watching.expect_exact(self.PAGE_BACK)

    def test_waits_for_a_server_that_is_gone(self):
        watching = self.start()
        watching.expect_exact("No save is known yet.")
        self.server.process.kill()
        watching.expect_exact("trying again")

    def test_tells_why_it_cannot(self):
        self.server.run("CONFIG", "SET", "requirepass", "sesame")
        status, output = self.once()
        self.assertEqual(status, 1)
        self.assertIn("NOAUTH Authentication required.", output)
        self.assertNotIn("Traceback", output)
        self.assertEqual(self.once(REDISCLI_AUTH="sesame")[0], 0)
        self.assertEqual(self.once("-a", "sesame")[0], 0)
        self.server.process.kill()
        self.server.process.wait()
        self.assertEqual(self.once()[0], 1)


BINARY = os.environ.get("COWSLIP_SERVER")
if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        BINARY = BINARY or sys.argv[1]
        del sys.argv[1]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # servers are then stopped on the way out
    unittest.main(verbosity=2)
