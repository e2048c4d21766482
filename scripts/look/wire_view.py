"""The wire view, as it explains a 304."""

import socket
import urllib.parse

# The exchanges before the one that is explained: what is asked for, and fields.
VISIT = [
    ("/few/", ()),
    ("/images/sunset%200.png", ()),
    ("/few", ()),
    ("/few/README.md", ("Range: bytes=0-19",)),
    ("/few/lettres/", ()),
]

EXPLAINED = "/few/README.md"

# Shows the details of the exchange with this status, and the step that decides.
OPEN = """
    new Promise((done) => {
      const look = () => {
        const rows = [...document.querySelectorAll('#grid .body .row:not([hidden])')];
        const row = rows.find((row) => row.querySelector('.status').textContent === '304');
        if (!row) return requestAnimationFrame(look);
        row.click();
        done();
      };
      look();
    })
"""


def show(page, address):
    """Opens the wire view, uses the site, and shows why an answer was 304."""
    page.go(address + "/.docroot/")
    page.run(
        "new Promise(done => { const look = () => document.querySelector('#state').dataset.state === 'connected'"
        " ? done() : requestAnimationFrame(look); look(); })"
    )
    with Client(address) as client:
        for target, fields in VISIT:
            client.get(target, fields)
        tag = client.get(EXPLAINED, ())["etag"]
        client.get(EXPLAINED, (f"If-None-Match: {tag}",))
    page.run(OPEN)
    page.settle()


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
