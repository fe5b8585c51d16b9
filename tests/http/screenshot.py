#!/usr/bin/env python3
"""Makes the picture of the page for the README: a real save under writes, in Debian's Chromium.

Usage: screenshot.py SERVER_BINARY docs/images/page.png [--dark]

Two million keys of 100 bytes, redis-benchmark setting as many of its own at random, and a save that is slowed down
(rdb-key-save-delay) so that it can be looked at. The first save is there to learn from; the picture shows the second
one at two thirds.
"""
import os
import sys
import time

import browser as chromium
import support
from support import Server, wait_until

KEYS = 2_000_000
WIDTH, HEIGHT = 1000, 1420
MOST_BYTES = 200_000


def progress(server):
    save = server.snapshot()["save"]
    return save["keys_written"] / save["keys_total"] if save and save["result"] == "running" else 0


def take(server, browser, path):
    writers = server.write_for(120, keys=KEYS)
    time.sleep(3)
    server.save()
    time.sleep(2)
    browser.get(server.url())
    wait_until(lambda: browser.find_element("id", "save").is_enabled(), "the button")
    browser.find_element("id", "save").click()
    wait_until(lambda: progress(server) > 0.66, "two thirds of a save")
    time.sleep(0.4)
    browser.save_screenshot(path)
    writers.kill()
    writers.wait()


def main():
    arguments = [word for word in sys.argv[1:] if not word.startswith("--")]
    if len(arguments) != 2:
        sys.exit(__doc__)
    support.BINARY = os.path.abspath(arguments[0])
    path = os.path.abspath(arguments[1])
    chromium.load_selenium()
    with Server("--rdb-key-save-delay", "-20") as server:
        server.fill(KEYS)
        browser = chromium.open_browser(WIDTH, HEIGHT, dark="--dark" in sys.argv)
        try:
            take(server, browser, path)
        finally:
            browser.quit()
    size = os.path.getsize(path)
    print(f"{path}: {size} bytes")
    if size > MOST_BYTES:
        sys.exit(f"screenshot: more than {MOST_BYTES} bytes")


if __name__ == "__main__":
    main()
