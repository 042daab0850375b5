"""Open an HTML report in headless Chromium: load time, console messages, network, screenshots.

    python benchmarks/report_in_chromium.py report.html --screenshots DIR

Needs ``chromium`` (a Debian package) and ``websocket-client``. Ends with status 1 if the page
wrote to the console, asked for anything but itself, scrolls sideways, or took longer than --limit.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import websocket


SIZES = {"wide": (1280, 900), "narrow": (400, 800)}

VIEWS = {
    "overview": "",
    "error": "figure-error",
    "latency": "figure-latency",
    "verdicts": "verdicts",
}

_TIMING = "JSON.stringify(performance.getEntriesByType('navigation')[0].toJSON())"
_SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
_PAGE = """
const all = [...document.querySelectorAll('script[data-combination]')];
const planned = all.find(script => script.textContent.includes('"arena":[['));
'combination=' + (planned ?? all[0]).dataset.combination
"""


class Browser:
    """Headless Chromium with one page, driven by its DevTools protocol."""

    def __init__(self, program: str, profile: Path) -> None:
        self.process = subprocess.Popen(
            [
                program, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-extensions",
                "--disable-background-networking", "--remote-debugging-port=0",
                "--remote-allow-origins=*", f"--user-data-dir={profile}", "about:blank",
            ],
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        assert self.process.stderr is not None
        marker = "DevTools listening on "
        address = next(line for line in self.process.stderr if marker in line)
        self.numbers = itertools.count(1)
        self.events: list[dict[str, Any]] = []
        self.session = ""
        self.socket = websocket.create_connection(
            address.partition(marker)[2].strip(), timeout=120, max_size=None
        )
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Return the answer to one command; events that come before it are kept."""
        number = next(self.numbers)
        message = {"id": number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.socket.send(json.dumps(message))
        while True:
            answer = json.loads(self.socket.recv())
            if answer.get("id") == number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return dict(answer["result"])
            self.events.append(answer)

    def wait(self, method: str) -> None:
        """Wait for an event."""
        while not any(event.get("method") == method for event in self.events):
            self.events.append(json.loads(self.socket.recv()))

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        return result["result"].get("value")

    def size(self, width: int, height: int, theme: str) -> None:
        """Give the page a size in CSS pixels and the user's preference for a theme."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        feature = {"name": "prefers-color-scheme", "value": theme}
        self.call("Emulation.setEmulatedMedia", features=[feature])

    def screenshot(self, path: Path, *, whole: bool) -> None:
        """Save what the window shows, or the whole page."""
        image = self.call("Page.captureScreenshot", captureBeyondViewport=whole)
        path.write_bytes(base64.b64decode(image["data"]))

    def close(self) -> None:
        """End the browser."""
        self.socket.close()
        self.process.terminate()
        self.process.wait(30)


def complaints(events: list[dict[str, Any]], url: str) -> list[str]:
    """Return what the page wrote to the console, and what it asked the network for."""
    found = []
    for event in events:
        method, parameters = event.get("method"), event.get("params", {})
        if method in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded"):
            found.append(json.dumps(parameters)[:300])
        if method == "Network.requestWillBeSent":
            asked = parameters["request"]["url"].partition("#")[0]
            if asked != url and not asked.startswith("data:"):
                found.append(f"asked for {asked}")
    return found


def look(browser: Browser, url: str, screenshots: Path | None) -> tuple[float, list[str]]:
    """Open the page in each size and theme; return the first load's milliseconds and faults."""
    browser.call("Page.navigate", url=url)
    browser.wait("Page.loadEventFired")
    milliseconds = json.loads(browser.evaluate(_TIMING))["loadEventEnd"]
    faults = []
    page = browser.evaluate(_PAGE)
    for (name, size), theme in itertools.product(SIZES.items(), ("light", "dark")):
        browser.size(*size, theme)
        for view, route in (*VIEWS.items(), ("combination", page)):
            browser.evaluate(f"location.hash = {json.dumps(route)}")
            browser.evaluate("new Promise(done => setTimeout(done, 300))")
            sideways = browser.evaluate(_SIDEWAYS)
            if sideways:
                faults.append(f"{view} at {size[0]} px is {sideways} px too wide")
            if screenshots is not None:
                file = screenshots / f"{view}-{name}-{theme}.png"
                browser.screenshot(file, whole=view == "combination")
    return milliseconds, faults + complaints(browser.events, url)


def main() -> int:
    """Look at the report that the command line names."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("report", type=Path)
    parser.add_argument("--screenshots", type=Path, help="directory for the screenshots")
    parser.add_argument("--limit", type=float, default=2.0, help="seconds (default: 2)")
    arguments = parser.parse_args()
    program = shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        sys.exit("chromium is not installed: apt-get install chromium")
    if arguments.screenshots is not None:
        arguments.screenshots.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        browser = Browser(program, Path(profile))
        try:
            url = arguments.report.resolve().as_uri()
            milliseconds, faults = look(browser, url, arguments.screenshots)
        finally:
            browser.close()
    print(f"{arguments.report}: {arguments.report.stat().st_size:,} bytes")
    print(f"load: {milliseconds:.0f} ms")
    print("\n".join(faults) or "no console message, no request, nothing too wide")
    return int(bool(faults) or milliseconds > arguments.limit * 1000)


if __name__ == "__main__":
    sys.exit(main())
