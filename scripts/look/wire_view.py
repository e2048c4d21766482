"""The wire view, as it explains a 304, and what else it can show."""

import socket
import urllib.parse
from typing import NamedTuple

# The exchanges before the one that is explained: what is asked for, and fields.
VISIT = [
    ("/few/", ()),
    ("/images/sunset%200.png", ()),
    ("/few", ()),
    ("/few/README.md", ("Range: bytes=0-19",)),
    ("/few/lettres/", ()),
]

EXPLAINED = "/few/README.md"

# Waits until an expression is true of the page.
WAIT = "new Promise(done => {{ const look = () => {condition} ? done() : requestAnimationFrame(look); look(); }})"

# The row of the exchange with this status.
ROW = (
    "[...document.querySelectorAll('#grid .row.is-exchange:not([hidden])')]"
    ".find(row => row.querySelector('.status').textContent === '{status}')"
)

PRESS = "document.body.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true }}))"


class State(NamedTuple):
    """The query of the address, what is done with the details of the 304 open, and what is true then."""

    query: str = ""
    action: str = ""
    until: str = "true"


# What is shown beside the 304.
STATES = {
    "zh": State(query="?lang=zh"),
    "space": State(action="find('.bytes .buttons button').click()", until="find('.crlf').textContent"),
    "hex": State(action="find('.bytes .buttons button + button').click()", until="find('.heads.hex .numbers')"),
    "compare": State(
        action=f"{PRESS.format(key='m')}; {ROW.format(status=206)}.click()", until="find('.compare table')"
    ),
    "what-if": State(action="find('.edits button').click()", until="find('.what-if table')"),
    "editor": State(action=PRESS.format(key="s"), until="find('.editor textarea')"),
    "workers": State(action=f"{PRESS.format(key='g')}; {PRESS.format(key='w')}", until="find('#pool table')"),
    "large": State(action=PRESS.format(key="b"), until="find('.large')"),
}


def show(page, address, state=None):
    """Opens the wire view, uses the site, shows why an answer was 304, and then a state of it."""
    query, action, until = STATES.get(state, State())
    page.go(f"{address}/.docroot/{query}")
    page.run("globalThis.find = (selector) => document.querySelector(selector); 0")
    wait_for(page, "find('#state').dataset.state === 'connected'")
    with Client(address) as client:
        for target, fields in VISIT:
            client.get(target, fields)
        tag = client.get(EXPLAINED, ())["etag"]
        client.get(EXPLAINED, (f"If-None-Match: {tag}",))
    wait_for(page, ROW.format(status=304))
    page.run(f"{ROW.format(status=304)}.click()")
    wait_for(page, "find('#details h2')")
    page.run(f"{{ {action} }}")
    wait_for(page, until)
    page.settle()


def wait_for(page, condition):
    """Waits until an expression is true of the page."""
    page.run(WAIT.format(condition=condition))


class Client:
    """A connection that asks for one thing after another. It sends no fields of its own but Host."""

    def __init__(self, address):
        self.host = urllib.parse.urlsplit(address).netloc

    def __enter__(self):
        name, port = self.host.rsplit(":", 1)
        self.socket = socket.create_connection((name, int(port)))
        self.stream = self.socket.makefile("rb")
        return self

    def __exit__(self, *_):
        self.stream.close()
        self.socket.close()

    def get(self, target, fields):
        """Sends a request. Returns the fields of the response, with their names in lower case."""
        lines = [f"GET {target} HTTP/1.1", f"Host: {self.host}", *fields, "", ""]
        self.socket.sendall("\r\n".join(lines).encode())
        status = self.stream.readline().split()[1]
        found = {}
        while line := self.stream.readline().strip().decode():
            name, _, value = line.partition(":")
            found[name.lower()] = value.strip()
        if status != b"304":
            self.stream.read(int(found.get("content-length", 0)))
        return found
