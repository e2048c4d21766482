"""RFC 6455 sections 5.4 to 5.6: the frames of a server become events."""

import struct
from dataclasses import dataclass

from .frames import CLOSE, CONTINUATION, NAMES, PING, PONG, TEXT, require

# How much of a payload a message shows.
SHOWN = 24


@dataclass(frozen=True)
class Message:
    """A whole message, as the sender meant it: neither compressed nor in fragments."""

    kind: int
    content: bytes

    def __str__(self):
        return f"{NAMES[self.kind]} {shown(self.content)}"


@dataclass(frozen=True)
class Ping:
    """A ping of the server."""

    payload: bytes

    def __str__(self):
        return f"ping {shown(self.payload)}"


@dataclass(frozen=True)
class Pong:
    """The answer to a ping."""

    payload: bytes

    def __str__(self):
        return f"pong {shown(self.payload)}"


@dataclass(frozen=True)
class Silence:
    """The client waited, and the connection was still open afterwards."""

    name: str

    def __str__(self):
        return f"silence {self.name}"


@dataclass(frozen=True)
class Close:
    """The Close frame of the server."""

    code: int | None
    reason: str


def shown(payload):
    """A payload for a message: short, and with its length if it is cut."""
    if len(payload) <= SHOWN:
        return repr(payload)[1:]
    return f"{repr(payload[:SHOWN])[1:]}... ({len(payload):,} octets)"


class Receiver:
    """Turns frames into events. After a Close frame, no other may come."""

    def __init__(self, decompressor=None):
        # None: compression was not agreed on.
        self._decompressor = decompressor
        self._kind = None
        self._is_compressed = False
        self._pieces = []
        self._is_closed = False

    def event(self, frame):
        """What a frame completes, or None."""
        require(not self._is_closed, "a frame follows the Close frame (5.5.1)")
        if frame.opcode == CLOSE:
            self._is_closed = True
            return close(frame.payload)
        if frame.opcode == PING:
            return Ping(frame.payload)
        if frame.opcode == PONG:
            return Pong(frame.payload)
        return self._data(frame)

    def _data(self, frame):
        if frame.opcode == CONTINUATION:
            require(self._kind is not None, "a continuation frame comes without a message (5.4)")
            require(not frame.is_compressed, "RSV1 of a continuation frame is set (RFC 7692 section 6.1)")
        else:
            require(self._kind is None, "a message begins before the last one has ended (5.4)")
            require(self._decompressor or not frame.is_compressed, "RSV1 is set, and no extension was agreed on (5.2)")
            self._kind, self._is_compressed = frame.opcode, frame.is_compressed
        self._pieces.append(frame.payload)
        if not frame.is_final:
            return None
        kind, content = self._kind, b"".join(self._pieces)
        self._kind, self._pieces = None, []
        if self._is_compressed:
            content = self._decompressor.message(content)
        require(kind != TEXT or is_utf8(content), "a text is not UTF-8 (8.1)")
        return Message(kind, content)


def is_utf8(octets):
    """Whether a text is valid."""
    try:
        octets.decode()
    except UnicodeDecodeError:
        return False
    return True


def close(payload):
    """Section 5.5.1: what a Close frame says."""
    require(len(payload) != 1, "the payload of a Close frame is one octet (5.5.1)")
    if not payload:
        return Close(None, "")
    (code,) = struct.unpack_from(">H", payload)
    require(may_be_sent(code), f"the status code {code} must not be sent by a server (7.4)")
    require(is_utf8(payload[2:]), "the reason of a Close frame is not UTF-8 (5.5.1)")
    return Close(code, payload[2:].decode())


def may_be_sent(code):
    """Section 7.4 and the registry of IANA: 1010 is for clients, and the others are reserved or not assigned."""
    return code in (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 1014) or 3000 <= code <= 4999
