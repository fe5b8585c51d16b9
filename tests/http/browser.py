"""Debian's Chromium without a window, driven by selenium, for the tests of the page and its picture."""
import json
import os
import sys

from support import SKIPPED


def load_selenium():
    """selenium, or the end of the test as skipped."""
    if not os.path.exists("/usr/bin/chromium") or not os.path.exists("/usr/bin/chromedriver"):
        print("skipped: chromium or chromedriver is not installed")
        sys.exit(SKIPPED)
    try:
        from selenium import webdriver
    except ImportError:
        print("skipped: python3-selenium is not installed")
        sys.exit(SKIPPED)
    return webdriver


def open_browser(width=1200, height=1000, dark=False, scale=1):
    webdriver = load_selenium()
    from selenium.webdriver.chrome.service import Service
    options = webdriver.ChromeOptions()
    options.binary_location = "/usr/bin/chromium"
    for argument in ["--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--hide-scrollbars",
                     f"--window-size={width},{height}", f"--force-device-scale-factor={scale}",
                     "--disable-background-networking", "--disable-component-update", "--no-first-run"]:
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    browser = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    browser.set_page_load_timeout(60)
    set_viewport(browser, width, height, scale)
    set_scheme(browser, dark)
    return browser


def set_viewport(browser, width, height, scale=1):
    """The size of the page itself; a window cannot be made as narrow as a phone."""
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride",
                            {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": False})


def set_scheme(browser, dark):
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]})


def requests_of(browser):
    """The addresses of all requests that the page made since the last call."""
    messages = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    return [message["params"]["request"]["url"] for message in messages
            if message["method"] == "Network.requestWillBeSent"]
