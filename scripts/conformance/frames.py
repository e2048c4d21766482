"""RFC 6455 section 5.2: writes the frames of a client, and reads those of a server strictly.

    81 85 37fa213d 7f9f4d5158    what `frame` writes: FIN and text, masked
    81 05 48656c6c6f             what `FrameReader` reads: the same text, never masked

A length that does not take the shortest form, a mask or an undefined bit is a violation, whatever the frame
holds.
"""

import random
import struct
from dataclasses import dataclass

CONTINUATION = 0x0
TEXT = 0x1
BINARY = 0x2
CLOSE = 0x8
PING = 0x9
PONG = 0xA

NAMES = {TEXT: "text", BINARY: "binary"}

# The three reserved bits of the first octet, as one number: RSV1 is the highest.
RSV1 = 4

MAX_CONTROL = 125

# Runs repeat each other, masks included.
_keys = random.Random(6455)


class Violation(Exception):
    """The server broke a rule of the protocol."""


def require(holds, rule):
    """Fails unless the server kept a rule."""
    if not holds:
        raise Violation(rule)


def frame(opcode, payload=b"", fin=True, rsv=0, is_masked=True, length_octets=None):
    """A frame of a client. `length_octets` chooses a form of the length that is not the shortest."""
    head = bytes([fin << 7 | rsv << 4 | opcode]) + _length(len(payload), is_masked, length_octets)
    if not is_masked:
        return head + payload
    key = _keys.randbytes(4)
    return head + key + masked(payload, key)


def head(opcode, length, fin=True):
    """The head of a frame whose payload is announced and not sent. Its mask changes nothing."""
    return bytes([fin << 7 | opcode]) + _length(length, True, None) + bytes(4)


def close_frame(code=None, reason=b""):
    """A Close frame (section 5.5.1)."""
    return frame(CLOSE, (b"" if code is None else struct.pack(">H", code)) + reason)


def fragments(opcode, payload, size=None, rsv=0):
    """A message in frames of at most `size` octets each, or in one."""
    pieces = [payload[at : at + size] for at in range(0, len(payload), size)] if size else [payload]
    pieces = pieces or [b""]
    last = len(pieces) - 1
    return [
        frame(opcode if number == 0 else CONTINUATION, piece, number == last, rsv if number == 0 else 0)
        for number, piece in enumerate(pieces)
    ]


def masked(payload, key):
    """A payload under a mask, or without it again (section 5.3)."""
    length = len(payload)
    repeated = (key * (length // 4 + 1))[:length]
    # Whole numbers are many times faster here than octets in a loop.
    return (int.from_bytes(payload, "little") ^ int.from_bytes(repeated, "little")).to_bytes(length, "little")


def _length(length, is_masked, octets):
    octets = octets or (1 if length < 126 else 2 if length < 1 << 16 else 8)
    mask = is_masked << 7
    if octets == 1:
        return bytes([mask | length])
    if octets == 2:
        return struct.pack(">BH", mask | 126, length)
    return struct.pack(">BQ", mask | 127, length)


@dataclass(frozen=True)
class Frame:
    """A frame of the server."""

    opcode: int
    is_final: bool
    is_compressed: bool
    payload: bytes


class FrameReader:
    """Turns the octets of a server into frames, however they are cut."""

    def __init__(self):
        self._octets = bytearray()

    def feed(self, octets):
        """The frames that are complete now."""
        self._octets += octets
        found = []
        at = 0
        while one := self._next(at):
            read, at = one
            found.append(read)
        del self._octets[:at]
        return found

    def is_empty(self):
        """Whether no frame has begun."""
        return not self._octets

    def _next(self, at):
        """The frame at this position, and the position behind it. None: more octets must arrive."""
        octets = self._octets
        if len(octets) < at + 2:
            return None
        first, second = octets[at], octets[at + 1]
        opcode = first & 0x0F
        _check_head(first, second, opcode)
        length, at = second, at + 2
        if length >= 126:
            form = ">H" if length == 126 else ">Q"
            size = struct.calcsize(form)
            if len(octets) < at + size:
                return None
            (length,) = struct.unpack_from(form, octets, at)
            at += size
            require(length >= (126 if size == 2 else 1 << 16), f"the length {length} is not in its shortest form (5.2)")
            require(length < 1 << 63, "the highest bit of a length is set (5.2)")
        if len(octets) < at + length:
            return None
        end = at + length
        return Frame(opcode, bool(first & 0x80), bool(first & 0x40), bytes(octets[at:end])), end


def _check_head(first, second, opcode):
    require(not second & 0x80, "the server masks a frame (5.1)")
    require(not first & 0x30, "RSV2 or RSV3 of a frame is set (5.2)")
    require(opcode in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG), f"the opcode {opcode} is not defined (5.2)")
    if opcode >= CLOSE:
        require(first & 0x80, "a control frame is fragmented (5.5)")
        require(second <= MAX_CONTROL, "a control frame is longer than 125 octets (5.5)")
        require(not first & 0x40, "RSV1 of a control frame is set (RFC 7692 section 6.1)")
