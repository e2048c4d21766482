"""RFC 6455 section 4: the request that opens a connection, and the response that the server must give."""

import base64
import hashlib
import os

from . import deflate
from .frames import require

ECHO = "/.docroot/lab/echo"

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def new_key():
    """Section 4.1: sixteen octets in Base64."""
    return base64.b64encode(os.urandom(16))


def accept_value(key):
    """Section 4.2.2: what the server must answer to a key."""
    return base64.b64encode(hashlib.sha1(key + GUID).digest())


def request(port, key, offers):
    """The request."""
    lines = [
        f"GET {ECHO} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key.decode()}",
        "Sec-WebSocket-Version: 13",
    ]
    if offers:
        lines.append(f"Sec-WebSocket-Extensions: {deflate.field(offers)}")
    return "\r\n".join([*lines, "", ""]).encode()


def check(response, key, offers):
    """Section 4.1: the agreement on compression, or None. `response` is the head without the empty line."""
    first, *lines = response.decode("latin-1").split("\r\n")
    require(first.startswith("HTTP/1.1 101 "), f"the server answered {first!r} (4.1)")
    fields = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields.setdefault(name.lower(), []).append(value.strip())
    require(_is(fields, "upgrade", "websocket"), "the response has no `Upgrade: websocket` (4.1)")
    require(_is(fields, "connection", "upgrade"), "the response has no `Connection: Upgrade` (4.1)")
    require(fields.get("sec-websocket-accept") == [accept_value(key).decode()], "Sec-WebSocket-Accept is wrong (4.1)")
    require("sec-websocket-protocol" not in fields, "the server chose a protocol that was not offered (4.1)")
    chosen = fields.get("sec-websocket-extensions")
    if chosen is None:
        return None
    require(len(chosen) == 1, "Sec-WebSocket-Extensions comes several times (11.3.2)")
    return deflate.agreement(chosen[0], offers)


def _is(fields, name, value):
    return [one.lower() for one in fields.get(name, [])] == [value]
