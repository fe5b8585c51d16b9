"""Starts a BGSAVE and watches its child: when it was there, and when it was gone."""

import os
import select
import signal
import threading
import time

from lib import procfs
from lib.resp import ServerError

PATIENCE_S = 60


class Save:
    """A background save that has begun. Times are of time.monotonic().

    `sent_s` and `replied_s` belong to the BGSAVE command, `seen_s` is when its child was found, and `ended_s` when the
    kernel told that the child is dead (None before).
    """

    def __init__(self, client, server_pid):
        self.sent_s, self.replied_s = _begin(client)
        self.child = _find_child(server_pid)
        self.seen_s = time.monotonic()
        self.ended_s = None
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    @property
    def alive(self):
        return self.ended_s is None

    @property
    def seconds(self):
        return self.ended_s - self.sent_s

    def wait(self):
        self._thread.join()
        return self

    def kill(self):
        """Ends the child, when what it was needed for has been measured."""
        try:
            os.kill(self.child, signal.SIGKILL)
        except ProcessLookupError:
            pass
        return self.wait()

    def _watch(self):
        try:
            descriptor = os.pidfd_open(self.child)
        except ProcessLookupError:
            self.ended_s = time.monotonic()
            return
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        poll.poll()
        self.ended_s = time.monotonic()
        os.close(descriptor)


def _begin(client):
    """Sends BGSAVE until it is accepted: the server may not have noticed yet that the last child is gone."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        sent_s = time.monotonic()
        try:
            client.call("BGSAVE")
            return sent_s, time.monotonic()
        except ServerError as error:
            if "in progress" not in str(error) or sent_s > deadline:
                raise
            time.sleep(0.005)


def _find_child(server_pid):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        children = procfs.children(server_pid)
        if children:
            return children[0]
    raise RuntimeError("BGSAVE was accepted, but no child appeared, or it was gone at once: take more keys")
