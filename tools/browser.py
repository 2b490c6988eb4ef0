# SPDX-License-Identifier: Apache-2.0
"""A headless Chromium, driven through chromium-driver by WebDriver's plain HTTP (W3C), with nothing
but Python's standard library. For tests of pages and for pictures of them."""

import base64
import json
import shutil
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
         "--disable-background-networking", "--disable-component-update", "--disable-sync",
         "--hide-scrollbars", "--force-device-scale-factor=1")
SECONDS = 60  # that one answer may take
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # WebDriver's key of an element


def missing():
    """What there is not, in words; None if a browser can be started."""
    lacking = [name for name in ("chromium", "chromedriver") if shutil.which(name) is None]
    return f"{' and '.join(lacking)} not installed (Debian: chromium, chromium-driver)" if (
        lacking) else None


class Browser:
    """Use in a `with`. Raises RuntimeError where the browser refuses something."""

    def __init__(self, width=1280, height=900, dark=False):
        self.size = (width, height)
        self.dark = dark

    def __enter__(self):
        self.profile = tempfile.TemporaryDirectory()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self.driver = subprocess.Popen(["chromedriver", f"--port={port}"],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self._wait_for_driver()
            options = {"binary": shutil.which("chromium"),
                       "args": [*FLAGS, f"--user-data-dir={self.profile.name}"]}
            wanted = {"alwaysMatch": {"goog:chromeOptions": options,
                                      "goog:loggingPrefs": {"browser": "ALL"}}}
            made = self._ask("POST", "/session", {"capabilities": wanted})
            self.address += f"/session/{made['sessionId']}"
            self.show(*self.size, self.dark)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_):
        try:
            self._ask("DELETE", "")
        except (OSError, RuntimeError):
            pass  # it is ended below
        self._end()

    def _end(self):
        self.driver.terminate()
        self.driver.wait()
        self.profile.cleanup()

    def _wait_for_driver(self):
        for _ in range(200):
            try:
                if self._ask("GET", "/status")["ready"]:
                    return
            except OSError:
                pass
            time.sleep(0.1)
        raise RuntimeError("chromedriver does not answer")

    def _ask(self, method, path, body=None):
        data = None if method == "GET" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.address + path, data, method=method,
                                         headers={"Content-Type": "application/json"})
        local = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with local.open(request, timeout=SECONDS) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"]) from error

    def devtools(self, command, **parameters):
        return self._ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def show(self, width, height, dark):
        """Sets the size of the window and the colour scheme."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height,
                      deviceScaleFactor=1, mobile=width < 600)
        self.devtools("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}])

    def open(self, path):
        self._ask("POST", "/url", {"url": path.resolve().as_uri()})

    def run(self, script, *arguments):
        """The value that a script returns; `arguments[0]` and so on are its arguments."""
        return self._ask("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def find(self, selector):
        """Elements of a CSS selector."""
        return [found[ELEMENT] for found in self._ask(
            "POST", "/elements", {"using": "css selector", "value": selector})]

    def click(self, element):
        self._ask("POST", f"/element/{element}/click")

    def move(self, element, x=0, y=0, press=False):
        """Moves the mouse to a place, seen from the element's middle, and clicks there if asked."""
        self._mouse(self._to(element, x, y), *(
            ({"type": "pointerDown", "button": 0}, {"type": "pointerUp", "button": 0})
            if press else ()))

    def drag(self, element, x, y, to_x, to_y):
        """Presses the button at one place and lets it go at another, from the element's middle."""
        self._mouse(self._to(element, x, y), {"type": "pointerDown", "button": 0},
                    self._to(element, (x + to_x) / 2, (y + to_y) / 2),
                    self._to(element, to_x, to_y), {"type": "pointerUp", "button": 0})

    def _to(self, element, x, y):
        return {"type": "pointerMove", "origin": {ELEMENT: element}, "x": round(x), "y": round(y),
                "duration": 30}

    def _mouse(self, *actions):
        self._ask("POST", "/actions", {"actions": [
            {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"},
             "actions": list(actions)}]})

    def messages(self):
        """What the page wrote to the console since the last call: (level, text)."""
        return [(entry["level"], entry["message"])
                for entry in self._ask("POST", "/se/log", {"type": "browser"})]

    def picture(self, selector=None, most=None):
        """The whole page, or one element of it, as the bytes of a PNG of at most `most` rows."""
        box = self.run(
            "const e = arguments[0] ? document.querySelector(arguments[0]) :"
            "document.documentElement; if (!e) return null;"
            "const b = e.getBoundingClientRect(); return arguments[0] ?"
            "[b.x + scrollX, b.y + scrollY, b.width, b.height] :"
            "[0, 0, innerWidth, e.scrollHeight];", selector)
        if box is None:
            raise RuntimeError(f"no element {selector!r} on the page")
        x, y, width, height = box
        height = min(height, most or height)
        taken = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=True,
                              clip={"x": x, "y": y, "width": width, "height": height, "scale": 1})
        return base64.b64decode(taken["data"])

    def pdf(self):
        """The page as it prints."""
        return base64.b64decode(self.devtools("Page.printToPDF", printBackground=True,
                                              preferCSSPageSize=True)["data"])
