"""A small RESP2 client: enough to load data, to start a save and to read INFO."""

import socket


class ServerError(Exception):
    """An error reply."""


class Client:
    """One connection. Use it with `with`, or close() it."""

    def __init__(self, port, timeout_s=600):
        self._socket = socket.create_connection(("127.0.0.1", port), timeout_s)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._replies = self._socket.makefile("rb", 1 << 20)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self._replies.close()
        self._socket.close()

    def call(self, *words):
        """Sends one command and returns its reply; an error reply is raised."""
        self.send(encode(*words))
        return self.read_reply()

    def send(self, data):
        self._socket.sendall(data)

    def read_reply(self):
        line = self._replies.readline()
        if not line:
            raise ConnectionError("the server closed the connection")
        kind, rest = line[:1], line[1:-2]
        if kind == b"+":
            return rest.decode()
        if kind == b"-":
            raise ServerError(rest.decode())
        if kind == b":":
            return int(rest)
        if kind == b"$":
            return None if rest == b"-1" else self._replies.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return None if rest == b"-1" else [self.read_reply() for _ in range(int(rest))]
        raise ServerError(f"not RESP2: {line!r}")

    def info(self, section="everything"):
        """INFO as a dictionary of strings."""
        lines = self.call("INFO", section).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)


def encode(*words):
    parts = [word if isinstance(word, bytes) else str(word).encode() for word in words]
    return b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts)
