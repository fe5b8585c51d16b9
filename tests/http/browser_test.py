#!/usr/bin/env python3
"""The page, used as a person does: in Debian's Chromium, by clicking.

Usage: browser_test.py SERVER_BINARY (or the environment variable COWSLIP_SERVER)
"""
import json
import os
import re
import sys
import time
import unittest

import browser as chromium
import support
from support import Server, wait_until

DELAY_SAVING = ("--rdb-key-save-delay", "60")  # microseconds per key: some seconds for the keys here
KEYS = 60_000


class Page:
    """The page of a server, with what a reader sees and does."""

    def __init__(self, server, **window):
        self.server = server
        self.browser = chromium.open_browser(**window)
        self.load()

    def load(self, url=None):
        self.browser.get(url or self.server.url())
        wait_until(lambda: self.text("connection-text") == "live", "the page")

    def element(self, name):
        return self.browser.find_element("id", name)

    def text(self, name):
        return self.element(name).text

    def shown(self, name):
        return self.element(name).is_displayed()

    def click(self, name):
        wait_until(lambda: self.element(name).is_enabled(), f"{name} to be enabled")
        self.element(name).click()

    def all(self, selector):
        return self.browser.find_elements("css selector", selector)

    def script(self, code, *arguments):
        return self.browser.execute_script(code, *arguments)

    def wait_for(self, name, words):
        return wait_until(lambda: words in self.text(name), f"'{words}' in {name}")

    def errors(self):
        """What the console says at the level of a warning or above."""
        return [entry["message"] for entry in self.browser.get_log("browser")
                if entry["level"] in ("SEVERE", "WARNING")]

    def overflow(self):
        """By how many pixels the page is wider than its window."""
        return self.script("return document.documentElement.scrollWidth - document.documentElement.clientWidth")

    def close(self):
        self.browser.quit()


def colours(text):
    return [int(number) for number in re.findall(r"\d+", text)[:3]]


def contrast(first, second):
    """The ratio of the Web Content Accessibility Guidelines, 1 to 21."""
    def luminance(colour):
        parts = [part / 255 for part in colour]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    bright, dim = sorted((luminance(first), luminance(second)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


class OnThePage(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(*DELAY_SAVING)
        cls.server.fill(KEYS)
        cls.page = Page(cls.server)

    @classmethod
    def tearDownClass(cls):
        cls.page.close()
        cls.server.stop()

    def setUp(self):
        self.server.cli("CONFIG", "SET", "rdb-key-save-delay", DELAY_SAVING[1])
        chromium.set_viewport(self.page.browser, 1200, 1000)
        chromium.set_scheme(self.page.browser, False)
        self.end_save()
        self.page.load()

    def tearDown(self):
        self.assertEqual(self.page.errors(), [])
        foreign = [url for url in chromium.requests_of(self.page.browser)
                   if not url.startswith((self.server.url(), "data:", "chrome:"))]
        self.assertEqual(foreign, [])

    def end_save(self):
        self.server.cli("BGSAVE", "CANCEL")
        wait_until(lambda: not self.server.snapshot()["running"], "the save's end")

    def start_save(self):
        self.page.click("save")
        self.page.wait_for("state-title", "A save is running")

    def test_start_and_watch_a_save_to_its_end(self):
        writers = self.server.write_for(3, keys=KEYS)
        self.start_save()
        self.assertTrue(self.page.shown("progress"))
        self.assertFalse(self.page.element("save").is_enabled())
        self.assertIn("Background saving started.", self.page.text("said"))
        wait_until(lambda: self.page.shown("charts"), "the charts")
        wait_until(lambda: len(self.page.all("#growth-chart path")) >= 3, "lines")
        before = float(self.page.element("progress").get_attribute("value"))
        wait_until(lambda: float(self.page.element("progress").get_attribute("value")) > before, "progress")
        wait_until(lambda: self.page.all("#causes li"), "causes")
        self.server.cli("CONFIG", "SET", "rdb-key-save-delay", "0")
        writers.wait()
        self.page.wait_for("state-title", "No save is running")
        self.page.wait_for("state-detail", "The last one: ok")
        self.assertIn("set", self.page.text("causes").lower())
        self.assertTrue(self.page.shown("charts"))

    def test_cancel_a_save(self):
        self.start_save()
        self.page.click("cancel")
        self.page.wait_for("state-title", "No save is running")
        self.page.wait_for("state-detail", "cancelled")
        wait_until(lambda: "cancelled" in self.page.all("#history tbody tr")[0].text, "the history")

    def test_history_shows_a_past_save(self):
        self.server.cli("CONFIG", "SET", "rdb-key-save-delay", "2")
        for _ in range(2):
            self.server.save()
        self.page.load()
        rows = wait_until(lambda: self.page.all("#history tbody tr"), "the history")
        latest = self.server.snapshot()["latest_id"]
        self.assertIn(f"#{latest}", rows[0].text)
        for label in ["Began", "Why", "Result", "Took", "Fork", "Written", "Copied", "Growth"]:
            self.assertTrue(rows[0].find_elements("css selector", f"[data-label={label}]"), label)
        rows[1].find_element("css selector", "button").click()
        self.page.wait_for("chart-title", f"save #{latest - 1}")
        self.page.click("follow")
        self.page.wait_for("chart-title", f"save #{latest}")

    def test_reading_a_moment_by_mouse_and_by_keyboard(self):
        self.start_save()
        wait_until(lambda: len(self.server.snapshot()["save"]["timeline"]) > 8, "a timeline")
        self.page.click("cancel")
        self.page.wait_for("state-title", "No save is running")
        chart = self.page.all("#growth-chart svg")[0]
        self.page.script("arguments[0].scrollIntoView({block: 'center'})", chart)
        from selenium.webdriver.common.action_chains import ActionChains
        from selenium.webdriver.common.keys import Keys
        ActionChains(self.page.browser).move_to_element(chart).perform()
        for holder in ("#growth-chart", "#resident-chart"):
            reading = wait_until(lambda holder=holder: self.page.all(f"{holder} .reading")[0].text, "the reading")
            self.assertRegex(reading, r"^\d.* after the fork")
        self.assertRegex(self.page.all("#growth-chart .reading")[0].text, r"copied pages now: [\d.]+ [KM]?B")
        ActionChains(self.page.browser).move_to_element(self.page.element("server-line")).perform()
        self.page.script("arguments[0].focus()", chart)
        chart.send_keys(Keys.HOME)
        first = wait_until(lambda: self.page.all("#growth-chart .reading")[0].text, "the first moment")
        chart.send_keys(Keys.ARROW_LEFT)
        chart.send_keys(Keys.HOME)
        first = self.page.all("#growth-chart .reading")[0].text
        chart.send_keys(Keys.ARROW_RIGHT)
        self.assertNotEqual(self.page.all("#growth-chart .reading")[0].text, first)
        chart.send_keys(Keys.ESCAPE)
        self.assertFalse(self.page.all("#growth-chart .reading")[0].is_displayed())

    def test_dark_and_light(self):
        grounds = {}
        for dark in (False, True):
            with self.subTest(dark=dark):
                chromium.set_scheme(self.page.browser, dark)
                style = "return getComputedStyle(arguments[0])[arguments[1]]"
                body, card = self.page.all("body")[0], self.page.all(".card")[0]
                grounds[dark] = colours(self.page.script(style, body, "backgroundColor"))
                ground = colours(self.page.script(style, card, "backgroundColor"))
                for element in [body, self.page.element("state-detail"), self.page.all("footer a")[0]]:
                    ink = colours(self.page.script(style, element, "color"))
                    self.assertGreater(contrast(ink, ground), 4.5)
                button = self.page.element("save")
                self.assertGreater(contrast(colours(self.page.script(style, button, "color")),
                                            colours(self.page.script(style, button, "backgroundColor"))), 4.5)
                for series in ["parent", "child", "copied", "fresh", "growth", "limit"]:
                    ink = self.page.script("return getComputedStyle(document.documentElement)"
                                           f".getPropertyValue('--{series}')").strip()
                    ink = [int(ink[i:i + 2], 16) for i in (1, 3, 5)]
                    self.assertGreater(contrast(ink, ground), 3, series)
        self.assertGreater(sum(grounds[False]), 600)
        self.assertLess(sum(grounds[True]), 150)

    def test_fits_a_phone(self):
        self.server.cli("CONFIG", "SET", "rdb-key-save-delay", "10")
        writers = self.server.write_for(2, keys=KEYS)
        self.server.save()
        writers.wait()
        for width in (320, 375, 768):
            with self.subTest(width=width):
                chromium.set_viewport(self.page.browser, width, 700)
                self.page.load()
                wait_until(lambda: self.page.all("#history tbody tr"), "the history")
                self.assertLessEqual(self.page.overflow(), 0)
                for button in ("save", "cancel"):
                    self.assertGreaterEqual(self.page.element(button).rect["height"], 39)

    def test_everything_can_be_reached_by_keyboard_and_has_a_name(self):
        self.server.save() if not self.server.snapshot()["history"] else None
        self.page.load()
        wait_until(lambda: self.page.all("#history tbody tr"), "the history")
        from selenium.webdriver.common.keys import Keys
        reached = set()
        for _ in range(40):
            self.page.browser.switch_to.active_element.send_keys(Keys.TAB)
            reached.add(self.page.script("const e = document.activeElement; return e.id || e.getAttribute('aria-label')"
                                         "|| e.textContent"))
        self.assertIn("save", reached)
        self.assertTrue(any(name.startswith("Show save") for name in reached), reached)
        for element in self.page.all("button, svg[role=img], progress, section"):
            named = self.page.script("const e = arguments[0]; return e.textContent.trim() || e.ariaLabel || "
                                     "e.getAttribute('aria-labelledby')", element)
            self.assertTrue(named, element.get_attribute("outerHTML")[:100])
        self.assertEqual(self.page.script("return document.documentElement.lang"), "en")


class Elsewhere(unittest.TestCase):
    def test_a_save_of_another_day_has_its_date(self):
        with Server() as server:
            server.save()
            server.kill()
            history = os.path.join(server.folder, "cow-history.jsonl")
            with open(history, encoding="utf-8") as file:
                line = json.loads(file.readline())
            began = line["started_unix_ms"] = line["started_unix_ms"] - 3 * 86_400_000
            with open(history, "w", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            server.start()
            server.save()
            page = Page(server)
            try:
                wait_until(lambda: len(page.all("#history tbody tr")) == 2, "the history")
                today, then = [row.text for row in page.all("#history tbody td[data-label=Began] span")]
                day = time.strftime("%Y-%m-%d", time.localtime(began / 1000))
                self.assertRegex(then, rf"^{day} \d\d:\d\d:\d\d$")
                self.assertRegex(today, r"^\d\d:\d\d:\d\d$")
            finally:
                page.close()

    def test_the_server_goes_away_and_comes_back(self):
        with Server(*DELAY_SAVING) as server:
            server.fill(1000)
            page = Page(server)
            try:
                page.wait_for("tiles", "1\u202f000")
                server.kill()
                page.wait_for("connection-text", "not reachable")
                self.assertIn("has not answered since", page.text("lost"))
                self.assertFalse(page.element("save").is_enabled())
                server.start()
                page.wait_for("connection-text", "live")
                self.assertFalse(page.shown("lost"))
                wait_until(lambda: page.element("save").is_enabled(), "the button")
                page.click("save")
                page.wait_for("state-detail", "The last one: ok")
            finally:
                page.close()

    def test_where_nothing_may_be_changed_the_page_says_why(self):
        with Server("--http-bind", "0.0.0.0") as server:
            page = Page(server)
            try:
                self.assertFalse(page.shown("save"))
                self.assertFalse(page.shown("cancel"))
                self.assertIn("requirepass", page.text("read-only"))
                self.assertEqual(page.errors(), [])
            finally:
                page.close()

    def test_with_a_password(self):
        with Server("--requirepass", "sesame", "--http-bind", "0.0.0.0") as server:
            page = Page.__new__(Page)
            page.server, page.browser = server, chromium.open_browser()
            try:
                page.load(f"http://default:sesame@127.0.0.1:{server.http_port}/")
                page.click("save")
                page.wait_for("state-detail", "The last one: ok")
            finally:
                page.close()

    def test_loading(self):
        with Server() as server:
            server.fill(20_000)
            server.cli("SAVE")
            server.kill()
            server.directives = ("--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024")
            server.start()
            page = Page(server)
            try:
                page.wait_for("state-title", "The dataset is being loaded")
                self.assertFalse(page.element("save").is_enabled())
                server.cli("CONFIG", "SET", "key-load-delay", "0")
                page.wait_for("state-title", "No save is running")
                time.sleep(0.1)
                self.assertTrue(page.element("save").is_enabled())
            finally:
                page.close()


if __name__ == "__main__":
    if len(sys.argv) > 1 and not sys.argv[1].startswith("-"):
        support.BINARY = os.path.abspath(sys.argv.pop(1))
    chromium.load_selenium()
    unittest.main(verbosity=2)
