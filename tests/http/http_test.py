#!/usr/bin/env python3
"""The HTTP side of a server: addresses, methods, who may do what, and requests that nobody should send.

Usage: http_test.py SERVER_BINARY (or the environment variable COWSLIP_SERVER)
"""
import http.client
import json
import os
import random
import socket
import struct
import subprocess
import sys
import time
import unittest

import support
from support import CHANGING, STORED_S, Server, basic, wait_until

DELAY_SAVING = ("--rdb-key-save-delay", "200")  # microseconds per key


def send(server, data, patience=5, enough=4096):
    """Sends bytes and returns what comes until the server closes, is silent, or has sent more than `enough`."""
    with socket.create_connection(("127.0.0.1", server.http_port), timeout=patience) as connection:
        connection.sendall(data)
        answer = b""
        try:
            while piece := connection.recv(65536):
                answer += piece
                if b"\r\n\r\n" in answer and b"Connection: Keep-Alive" not in answer and len(answer) > enough:
                    break
        except (TimeoutError, ConnectionResetError):
            pass
        return answer


def listening_sockets(pid):
    """The inodes of the TCP sockets of the process that listen."""
    listening = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table, encoding="ascii") as file:
            rows = [line.split() for line in file.readlines()[1:]]
        listening |= {f"socket:[{row[9]}]" for row in rows if row[3] == "0A"}
    folder = f"/proc/{pid}/fd"
    return {os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)} & listening


def own_addresses():
    """An address of this machine that is not loopback's, in a list; empty when there is none."""
    words = subprocess.run(["hostname", "-I"], stdout=subprocess.PIPE, check=False).stdout.decode().split()
    return [word for word in words if "." in word][:1]


class Addresses(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_what_is_there(self):
        for path, kind in [("/", "text/html; charset=utf-8"), ("/metrics", "text/plain; version=0.0.4; charset=utf-8"),
                           ("/healthz", "text/plain; charset=utf-8"), ("/readyz", "text/plain; charset=utf-8"),
                           ("/api/snapshot", "application/json")]:
            with self.subTest(path):
                status, headers, body = self.server.request(path)
                self.assertEqual(status, 200)
                self.assertEqual(headers["Content-Type"], kind)
                self.assertEqual(int(headers["Content-Length"]), len(body.encode()))

    def test_head_is_get_without_a_body(self):
        for path in ["/", "/metrics", "/healthz", "/readyz", "/api/snapshot"]:
            with self.subTest(path):
                status, headers, body = self.server.request(path, method="HEAD")
                self.assertEqual((status, body), (200, ""))
                self.assertGreater(int(headers["Content-Length"]), 0)

    def test_nothing_is_there(self):
        for path in ["/nothing", "/metrics/", "//", "/api", "/api/save/x", "/%2e%2e/etc/passwd", "/index.html"]:
            self.assertEqual(self.server.status(path), 404, path)

    def test_methods(self):
        for path, allowed in [("/", "GET, HEAD"), ("/metrics", "GET, HEAD"), ("/healthz", "GET, HEAD"),
                              ("/api/snapshot", "GET, HEAD"), ("/api/save", "POST"), ("/api/cancel", "POST")]:
            for method in ["GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"]:
                if method in allowed:
                    continue
                with self.subTest(path=path, method=method):
                    status, headers, _ = self.server.request(path, method=method, headers=CHANGING)
                    self.assertEqual(status, 405)
                    self.assertEqual(headers["Allow"], allowed)

    def test_no_answer_is_kept_framed_or_guessed(self):
        for path in ["/", "/metrics", "/api/snapshot", "/nothing"]:
            headers = self.server.request(path)[1]
            self.assertEqual(headers["Cache-Control"], "no-store")
            self.assertEqual(headers["X-Content-Type-Options"], "nosniff")
            self.assertEqual(headers["X-Frame-Options"], "DENY")
            self.assertEqual(headers["Cross-Origin-Resource-Policy"], "same-origin")
            self.assertNotIn("Access-Control-Allow-Origin", headers)

    def test_the_page_brings_all_it_needs(self):
        _, headers, body = self.server.request("/")
        policy = headers["Content-Security-Policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        self.assertNotIn("*", policy)
        self.assertNotRegex(body, r'(src|href)="(https?:)?//')
        self.assertIn("<html lang=", body)

    def test_one_connection_carries_many_requests(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.server.http_port, timeout=10)
        for _ in range(200):
            connection.request("GET", "/healthz")
            response = connection.getresponse()
            self.assertEqual((response.status, response.read()), (200, b"ok\n"))
        connection.close()

    def test_requests_in_one_piece_are_all_answered(self):
        one = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
        last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        self.assertEqual(send(self.server, one * 19 + last, enough=1 << 20).count(b"HTTP/1.1 200 OK"), 20)

    def test_questions_about_a_save(self):
        self.server.cli("SET", "k", "v")
        self.server.save()
        time.sleep(STORED_S)
        first = self.server.snapshot()
        self.assertEqual(first["save"]["id"], first["latest_id"])
        self.assertEqual(first["save"]["result"], "ok")
        self.assertEqual(first["history"][-1]["id"], first["latest_id"])
        self.assertIsNone(self.server.snapshot("?id=999999")["save"])
        for query in ["?id=x", "?id=-1", "?after=x", "?id=99999999999999999999"]:
            self.assertEqual(self.server.status(f"/api/snapshot{query}"), 400, query)


class Settings(unittest.TestCase):
    def test_off_by_default(self):
        with Server(http=False) as server:
            self.assertEqual(server.cli("CONFIG", "GET", "http-port"), "http-port\n0")
            self.assertEqual(server.cli("CONFIG", "GET", "http-bind"), "http-bind\n127.0.0.1 -::1")
            self.assertEqual(len(listening_sockets(server.process.pid)), 1)

    def test_on_and_off_while_running(self):
        with Server(http=False) as server:
            server.http_port = support.free_port()
            self.assertEqual(server.cli("CONFIG", "SET", "http-port", str(server.http_port)), "OK")
            self.assertEqual(server.status("/healthz"), 200)
            self.assertEqual(server.cli("CONFIG", "SET", "http-port", "0"), "OK")
            self.assertRaises(ConnectionRefusedError, server.status, "/healthz")

    def test_a_busy_port_changes_nothing(self):
        with Server() as server, socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            answer = server.cli("CONFIG", "SET", "http-port", str(other.getsockname()[1]))
            self.assertIn("ERR CONFIG SET failed (possibly related to argument 'http-port')", answer)
            self.assertEqual(server.status("/healthz"), 200)
            self.assertEqual(server.cli("CONFIG", "GET", "http-port"), f"http-port\n{server.http_port}")
            self.assertNotIn("aborting", server.log())

    def test_a_busy_port_at_the_start(self):
        with socket.socket() as other:
            other.bind(("127.0.0.1", 0))
            other.listen()
            port = other.getsockname()[1]
            done = subprocess.run([support.BINARY, "--port", str(support.free_port()), "--http-port", str(port),
                                   "--save", ""], stdout=subprocess.PIPE, cwd="/tmp", timeout=30, check=False)
            self.assertEqual(done.returncode, 1)
            self.assertIn(f"Could not create server TCP listening socket 127.0.0.1:{port}".encode(), done.stdout)
            self.assertIn(f"Failed listening on port {port} (http)".encode(), done.stdout)

    def test_a_child_does_not_hold_the_port(self):
        with Server(*DELAY_SAVING) as server:
            server.fill(50_000)
            server.cli("BGSAVE")
            server.kill()  # the child notices and ends, too, but what counts is that the port is free at once
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", server.http_port))


class Readiness(unittest.TestCase):
    def test_loading_is_alive_but_not_ready(self):
        with Server("--key-load-delay", "0") as server:
            server.fill(20_000)
            server.cli("SAVE")
            server.kill()
            server.directives = ("--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024")
            server.start()
            wait_until(lambda: "loading:1" in server.cli("INFO", "persistence"), "loading")
            self.assertEqual(server.status("/healthz"), 200)
            status, _, body = server.request("/readyz")
            self.assertEqual(status, 503)
            self.assertRegex(body, r"^loading the dataset: \d+\.\d %\n$")
            self.assertIn("redis_loading_dump_file 1\n", server.metrics())
            self.assertTrue(server.snapshot()["server"]["loading"])
            self.assertEqual(server.status("/api/save", method="POST", headers=CHANGING), 503)
            server.cli("CONFIG", "SET", "key-load-delay", "0")
            wait_until(lambda: server.status("/readyz") == 200, "being ready")
            self.assertEqual(server.cli("DBSIZE"), "20000")


class Saving(unittest.TestCase):
    def test_start_and_cancel(self):
        with Server(*DELAY_SAVING) as server:
            server.fill(50_000)
            status, _, body = server.request("/api/save", method="POST", headers=CHANGING)
            self.assertEqual((status, json.loads(body)["message"]), (202, "Background saving started."))
            self.assertEqual(server.status("/api/save", method="POST", headers=CHANGING), 409)
            answer = server.snapshot()
            self.assertTrue(answer["running"])
            self.assertEqual(answer["save"]["result"], "running")
            self.assertEqual(server.status("/api/cancel", method="POST", headers=CHANGING), 202)
            wait_until(lambda: not server.snapshot()["running"], "the save's end")
            self.assertEqual(server.snapshot()["history"][-1]["result"], "cancelled")
            self.assertEqual(server.status("/api/cancel", method="POST", headers=CHANGING), 409)

    def test_the_guard_has_its_say(self):
        with Server("--snapshot-memory-reserve", "1000000gb") as server:
            server.fill(1000)
            status, _, body = server.request("/api/save", method="POST", headers=CHANGING)
            self.assertEqual(status, 409)
            self.assertIn("snapshot-guard", json.loads(body)["message"])
            self.assertFalse(server.snapshot()["verdict"]["fits"])
            self.assertIn("\ncowslip_forecast_fits 0\n", server.metrics())
            self.assertIn("\ncowslip_guard_refused_total 1\n", server.metrics())

    def test_what_other_sites_pages_can_send_starts_nothing(self):
        own = "http://127.0.0.1:{}"
        refused = [
            {},                                                                    # a form
            {"Content-Type": "application/x-www-form-urlencoded"},
            {**CHANGING, "Origin": "http://evil.example"},
            {**CHANGING, "Origin": "null"},
            {**CHANGING, "Sec-Fetch-Site": "cross-site"},
            {**CHANGING, "Sec-Fetch-Site": "same-site", "Origin": own},
            {**CHANGING, "Host": "evil.example"},                                  # DNS rebinding
            {**CHANGING, "Host": "127.0.0.1.evil.example"},
        ]
        with Server() as server:
            for headers in refused:
                with self.subTest(headers):
                    sent = {name: value.format(server.http_port) for name, value in headers.items()}
                    self.assertEqual(server.status("/api/save", method="POST", headers=sent), 403)
            self.assertEqual(server.snapshot()["latest_id"], None)
            fine = {**CHANGING, "Origin": own.format(server.http_port), "Sec-Fetch-Site": "same-origin"}
            self.assertEqual(server.status("/api/save", method="POST", headers=fine), 202)


class Access(unittest.TestCase):
    READ = ["/", "/metrics", "/api/snapshot"]

    def test_a_password_protects_all_but_health(self):
        with Server("--requirepass", "sesame: open") as server:
            for path in self.READ + ["/healthz", "/readyz"]:
                expected = 401 if path in self.READ else 200
                self.assertEqual(server.status(path), expected, path)
                self.assertEqual(server.status(path, headers=basic("sesame: open")), 200, path)
                self.assertEqual(server.status(path, headers=basic("sesame: open", "somebody")), 200, path)
            for wrong in ["", "sesame", "sesame: open ", "SESAME: OPEN", "x" * 3000]:
                self.assertEqual(server.status("/metrics", headers=basic(wrong)), 401, wrong)
            for header in ["Basic", "Basic ", "Basic %%%", "Basic c2VzYW1l", "Bearer c2VzYW1l", "basic \xff"]:
                self.assertEqual(server.status("/metrics", headers={"Authorization": header}), 401, header)
            headers = server.request("/metrics")[1]
            self.assertTrue(headers["WWW-Authenticate"].startswith("Basic realm="))
            self.assertIn("acl_access_denied_auth:11", server.cli("-a", "sesame: open", "INFO", "stats"))

    def test_a_password_lets_saves_be_started_with_the_header_only(self):
        with Server("--requirepass", "sesame", "--http-bind", "0.0.0.0") as server:
            self.assertEqual(server.status("/api/save", method="POST", headers=CHANGING), 401)
            self.assertEqual(server.status("/api/save", method="POST", headers=basic("sesame")), 403)
            allowed = {**CHANGING, **basic("sesame")}
            self.assertEqual(server.status("/api/save", method="POST", headers=allowed), 202)

    def test_without_a_password_only_own_names_are_answered(self):
        with Server() as server:
            for host in ["localhost", "localhost:1234", "LOCALHOST", "127.0.0.1:80", "[::1]:80", "192.168.1.7"]:
                self.assertEqual(server.status("/metrics", host=host), 200, host)
            for host in ["evil.example", "localhost.evil.example", "127.0.0.1.example:80", "[evil]", "[::1", "1.2.3"]:
                self.assertEqual(server.status("/metrics", host=host), 403, host)
                self.assertEqual(server.status("/healthz", host=host), 200, host)

    def test_others_without_a_password(self):
        addresses = own_addresses()
        if not addresses:
            self.skipTest("this machine has no address but loopback's")

        def ask(server, path, **more):
            connection = http.client.HTTPConnection(addresses[0], server.http_port, timeout=10)
            connection.request(more.get("method", "GET"), path, headers=more.get("headers", {}))
            response = connection.getresponse()
            answer = response.status, response.read().decode()
            connection.close()
            return answer

        with Server("--http-bind", "0.0.0.0") as server:
            # The peer is this machine, but by an address that others can have, too.
            self.assertEqual(ask(server, "/metrics")[0], 403)
            self.assertEqual(ask(server, "/healthz")[0], 200)
            self.assertEqual(server.status("/metrics"), 200)
            self.assertEqual(server.status("/api/save", method="POST", headers=CHANGING), 403)
            self.assertIn("http-bind", server.snapshot()["read_only"])
            server.cli("CONFIG", "SET", "protected-mode", "no")
            self.assertEqual(ask(server, "/metrics", headers={"Host": "cowslip.example"})[0], 200)
            self.assertEqual(ask(server, "/api/save", method="POST", headers=CHANGING)[0], 403)
            server.cli("CONFIG", "SET", "http-bind", "127.0.0.1")
            self.assertEqual(server.snapshot()["read_only"], "")


class Garbage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def assert_alive(self):
        self.assertEqual(self.server.status("/healthz"), 200)
        self.assertEqual(self.server.cli("PING"), "PONG")

    def test_malformed_requests(self):
        for data in [b"\r\n\r\n", b"\x00" * 100, b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n",
                     b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
                     b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
                     b"POST /api/save HTTP/1.1\r\nHost: localhost\r\nContent-Length: -5\r\n\r\n",
                     b"POST /api/save HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
                     b"POST /api/save HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
                     b"*1\r\n$4\r\nPING\r\n", b"PING\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
                     b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: other\r\nConnection: close\r\n\r\n"]:
            with self.subTest(data[:60]):
                answer = send(self.server, data, patience=0.3)
                self.assertNotIn(b"Background saving started", answer)
                self.assert_alive()

    def test_a_request_without_a_host(self):
        self.assertIn(b" 400 ", send(self.server, b"GET /metrics HTTP/1.1\r\n\r\n", 1).split(b"\r\n")[0])
        self.assertIn(b" 403 ", send(self.server, b"GET /metrics HTTP/1.0\r\n\r\n", 1).split(b"\r\n")[0])

    def test_a_large_body_is_not_taken(self):
        body = b"x" * 50_000_000
        try:
            status = self.server.status("/api/save", method="POST", body=body)
            self.assertGreaterEqual(status, 400)
        except (ConnectionError, BrokenPipeError):
            pass
        self.assert_alive()

    def test_random_bytes(self):
        seed = int(os.environ.get("COWSLIP_SEED", "0")) or random.randrange(1, 1 << 32)
        print(f"COWSLIP_SEED={seed}")
        chance = random.Random(seed)
        good = (b"POST /api/cancel HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic eDp5\r\n"
                b"Content-Length: 3\r\n\r\nabc")
        for _ in range(200):
            data = bytearray(good)
            for _ in range(chance.randrange(1, 8)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            del data[chance.randrange(len(data)):]
            with socket.create_connection(("127.0.0.1", self.server.http_port)) as connection:
                connection.sendall(bytes(data))
        self.assert_alive()

    def test_many_connections(self):
        held = []
        try:
            for _ in range(300):
                held.append(socket.create_connection(("127.0.0.1", self.server.http_port), timeout=5))
            self.assertEqual(self.server.cli("PING"), "PONG")  # clients of the database do not notice
            self.assertEqual(self.server.cli("SET", "k", "v"), "OK")
            self.assertLess(len(os.listdir(f"/proc/{self.server.process.pid}/fd")), 64 + 64)
        finally:
            for connection in held:
                connection.close()
        self.assert_alive()

    def test_connections_take_no_descriptors_from_clients(self):
        with Server(descriptors=200) as server:
            clients = int(server.cli("CONFIG", "GET", "maxclients").split()[1])
            self.assertGreater(clients, 64)
            held = [socket.create_connection(("127.0.0.1", server.http_port)) for _ in range(64)]
            self.assertEqual(server.status("/healthz"), 200)
            for i in range(clients):
                client = socket.create_connection(("127.0.0.1", server.port), timeout=5)
                held.append(client)
                client.sendall(b"PING\r\n")
                self.assertEqual(client.recv(100), b"+PONG\r\n", i)
            for connection in held:
                connection.close()

    def test_silent_connections_make_room(self):
        held = [socket.create_connection(("127.0.0.1", self.server.http_port)) for _ in range(64)]
        time.sleep(1.2)
        for _ in range(5):
            started = time.monotonic()
            self.assertEqual(self.server.status("/healthz"), 200)
            self.assertLess(time.monotonic() - started, 0.8)
        for connection in held:
            connection.close()

    def test_two_hosts(self):
        for second in (b"localhost", b"evil.example"):
            request = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nhost: " + second + b"\r\nConnection: close\r\n\r\n"
            self.assertIn(b" 400 ", send(self.server, request, 1).split(b"\r\n")[0])

    def test_connections_of_clients_that_left_in_the_middle_are_let_go(self):
        for i in range(200):
            with socket.create_connection(("127.0.0.1", self.server.http_port)) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"[:i % 40])
        self.assert_alive()
        wait_until(lambda: len(os.listdir(f"/proc/{self.server.process.pid}/fd")) < 40, "fewer descriptors", 5)

    def test_resets(self):
        for _ in range(100):
            connection = socket.create_connection(("127.0.0.1", self.server.http_port))
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.close()
        self.assert_alive()

    def test_who_trickles_is_sent_away(self):
        slow = socket.create_connection(("127.0.0.1", self.server.http_port), timeout=5)
        slow.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        started = time.monotonic()
        closed = False
        while not closed and time.monotonic() - started < 40:
            time.sleep(0.5)
            try:
                slow.sendall(b"y")
                slow.setblocking(False)
                closed = slow.recv(100) == b""
            except BlockingIOError:
                pass
            except OSError:
                closed = True
            slow.setblocking(True)
        slow.close()
        self.assertTrue(closed)
        self.assertLess(time.monotonic() - started, 30)
        self.assert_alive()

    def test_nothing_spins(self):
        """Open connections, idle or half-asked, cost no processor time."""
        idle = [socket.create_connection(("127.0.0.1", self.server.http_port)) for _ in range(8)]
        for connection in idle[:4]:
            connection.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")  # answered, never read
        for connection in idle[4:]:
            connection.sendall(b"GET /met")

        def used():
            with open(f"/proc/{self.server.process.pid}/stat", encoding="ascii") as stat:
                fields = stat.read().rsplit(")", 1)[1].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

        time.sleep(0.5)
        before = used()
        time.sleep(2)
        self.assertLess(used() - before, 0.3)
        for connection in idle:
            connection.close()


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        support.BINARY = os.path.abspath(sys.argv.pop(1))
    unittest.main(verbosity=2)
