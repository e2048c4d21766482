"""Chromium without a window, driven by the DevTools protocol over a pair of pipes."""

import base64
import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

# Chromium has a sandbox, but not for root, and often not in a container.
FLAGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
]


class Browser:
    """A running browser. Use it in a `with` statement, so that it ends."""

    def __init__(self):
        self.profile = tempfile.mkdtemp(prefix="docroot-look-")
        reads_here, writes_there = os.pipe()
        reads_there, writes_here = os.pipe()

        # Chromium reads commands from descriptor 3 and writes to descriptor 4. The pipes may have these
        # numbers, so both are moved out of the way first.
        def adopt():
            commands = os.dup2(reads_there, 100)
            answers = os.dup2(writes_there, 101)
            os.dup2(commands, 3)
            os.dup2(answers, 4)

        self.process = subprocess.Popen(
            ["chromium", *FLAGS, f"--user-data-dir={self.profile}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            close_fds=False,
            preexec_fn=adopt,
        )
        os.close(reads_there)
        os.close(writes_there)
        self.commands = os.fdopen(writes_here, "wb")
        self.answers = os.fdopen(reads_here, "rb")
        self.number = 0
        self.received = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.commands.close()
        self.answers.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.profile, ignore_errors=True)

    def call(self, method, session=None, events=None, **parameters):
        """Sends a command and returns its result. Events that come meanwhile are appended to `events`."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if session:
            message["sessionId"] = session
        self.commands.write(json.dumps(message).encode() + b"\0")
        self.commands.flush()
        while True:
            answer = self.next()
            if answer.get("id") == self.number:
                break
            if events is not None:
                events.append(answer)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def next(self):
        """The next message of the browser."""
        while b"\0" not in self.received:
            read = os.read(self.answers.fileno(), 1 << 16)
            if not read:
                raise RuntimeError("Chromium has ended")
            self.received += read
        message, _, self.received = self.received.partition(b"\0")
        return json.loads(message)

    def page(self, width=1280, height=800):
        """A new page of this size."""
        return Page(self, width, height)


def is_load(event, loader):
    """Whether the document that this loader brings has loaded. An event of the page before it may come
    late."""
    happened = event.get("params", {})
    return (
        event.get("method") == "Page.lifecycleEvent"
        and happened["name"] == "load"
        and happened["loaderId"] == loader
    )


class Page:
    """A tab of the browser."""

    def __init__(self, browser, width, height):
        self.browser = browser
        self.events = []
        target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        attached = browser.call("Target.attachToTarget", targetId=target, flatten=True)
        self.target = target
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        self.call("Page.setLifecycleEventsEnabled", enabled=True)
        self.resize(width, height)

    def call(self, method, **parameters):
        """Sends a command to this page."""
        return self.browser.call(method, self.session, self.events, **parameters)

    def close(self):
        """Closes the tab."""
        self.browser.call("Target.closeTarget", targetId=self.target)

    def resize(self, width, height):
        """Sets the size of the viewport. A narrow one is that of a phone."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def media(self, **features):
        """Emulates media features, such as `prefers_color_scheme="dark"`."""
        features = [{"name": name.replace("_", "-"), "value": value} for name, value in features.items()]
        self.call("Emulation.setEmulatedMedia", features=features)

    def go(self, url):
        """Opens a page and waits until it has loaded."""
        self.events.clear()
        loader = self.call("Page.navigate", url=url)["loaderId"]
        while not any(is_load(event, loader) for event in self.events):
            self.events.append(self.browser.next())
        self.settle()

    def settle(self):
        """Waits until the page has been painted twice, so that what it does when shown is done."""
        self.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def run(self, expression):
        """The value of an expression of JavaScript, or what its promise brings."""
        answer = self.call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(answer["exceptionDetails"]["exception"]["description"])
        return answer["result"].get("value")

    def picture(self, path):
        """Writes what the viewport shows to a PNG file."""
        data = self.call("Page.captureScreenshot", format="png")["data"]
        Path(path).write_bytes(base64.b64decode(data))
