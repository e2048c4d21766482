"""RFC 7692: offers of permessage-deflate, what the server accepts of them, and the two coders.

    permessage-deflate; client_max_window_bits; server_max_window_bits=9    an offer
    permessage-deflate; server_max_window_bits=9                            a response that accepts it
"""

import re
import zlib
from dataclasses import dataclass

from .frames import Violation, require

NAME = "permessage-deflate"

SERVER_NO_CONTEXT_TAKEOVER = "server_no_context_takeover"
CLIENT_NO_CONTEXT_TAKEOVER = "client_no_context_takeover"
SERVER_MAX_WINDOW_BITS = "server_max_window_bits"
CLIENT_MAX_WINDOW_BITS = "client_max_window_bits"
PARAMETERS = (SERVER_NO_CONTEXT_TAKEOVER, CLIENT_NO_CONTEXT_TAKEOVER, SERVER_MAX_WINDOW_BITS, CLIENT_MAX_WINDOW_BITS)

LARGEST_WINDOW = 15

# What a compressed message leaves out at its end (section 7.2.1).
TAIL = b"\x00\x00\xff\xff"

# zlib accepts a distance beyond the window as long as its target is in the same output. So the output is
# taken in pieces of this part of the window.
PIECES_OF_WINDOW = 8


def offer(**parameters):
    """One configuration that the client offers: each parameter with its value, or None if it has none."""
    return parameters


def field(offers):
    """The value of `Sec-WebSocket-Extensions`."""
    return ", ".join("; ".join([NAME, *_written(one)]) for one in offers)


def _written(parameters):
    return [name if value is None else f"{name}={value}" for name, value in parameters.items()]


@dataclass(frozen=True)
class Agreement:
    """How both ends compress."""

    server_is_taken_over: bool
    server_window: int
    client_is_taken_over: bool
    client_window: int


def agreement(value, offers):
    """What a response agrees to. It must accept one of the offers (sections 5.1 and 7.1)."""
    name, *written = [part.strip() for part in value.split(";")]
    require(name == NAME, f"the server chose {value!r}, which was not offered")
    response = {}
    for one in written:
        parameter, has_value, text = (part.strip() for part in one.partition("="))
        require(parameter in PARAMETERS and parameter not in response, f"{value!r} has a wrong parameter (7.1)")
        response[parameter] = _bits(text, value) if has_value else None
    for parameter in (SERVER_MAX_WINDOW_BITS, CLIENT_MAX_WINDOW_BITS):
        require(response.get(parameter, 0) is not None, f"{value!r} has no value for {parameter} (7.1.2)")
    require(any(accepts(response, one) for one in offers), f"{value!r} accepts none of the offers (7.1)")
    return Agreement(
        SERVER_NO_CONTEXT_TAKEOVER not in response,
        response.get(SERVER_MAX_WINDOW_BITS, LARGEST_WINDOW),
        CLIENT_NO_CONTEXT_TAKEOVER not in response,
        response.get(CLIENT_MAX_WINDOW_BITS, LARGEST_WINDOW),
    )


def _bits(text, value):
    require(re.fullmatch("[89]|1[0-5]", text), f"{value!r} has a window that DEFLATE does not have (7.1.2)")
    return int(text)


def accepts(response, offered):
    """Whether a response accepts an offer: it grants what the client asks of the server, and asks only what the
    client can do."""
    if SERVER_NO_CONTEXT_TAKEOVER in offered and SERVER_NO_CONTEXT_TAKEOVER not in response:
        return False
    wanted = offered.get(SERVER_MAX_WINDOW_BITS)
    if wanted and response.get(SERVER_MAX_WINDOW_BITS, LARGEST_WINDOW + 1) > int(wanted):
        return False
    if CLIENT_MAX_WINDOW_BITS not in response:
        return True
    possible = offered.get(CLIENT_MAX_WINDOW_BITS, 0)
    return possible is None or response[CLIENT_MAX_WINDOW_BITS] <= possible


class Compressor:
    """Compresses the messages of the client."""

    def __init__(self, window, is_taken_over):
        self._window = window
        self._is_taken_over = is_taken_over
        self._coder = None

    def message(self, content):
        """The payload of a message."""
        if not content:
            return b"\x00"  # Section 7.2.3.6.
        if self._coder is None or not self._is_taken_over:
            self._coder = zlib.compressobj(wbits=-self._window)
        payload = self._coder.compress(content) + self._coder.flush(zlib.Z_SYNC_FLUSH)
        return payload.removesuffix(TAIL)


class Decompressor:
    """Decompresses the messages of the server. It has no larger window than was agreed on, and it forgets the
    messages that the server must not refer to."""

    def __init__(self, window, is_taken_over):
        self._window = window
        self._is_taken_over = is_taken_over
        self._coder = None

    def message(self, payload):
        """The content of a message."""
        if self._coder is None or not self._is_taken_over:
            self._coder = zlib.decompressobj(wbits=-self._window)
        try:
            content = self._inflated(payload + TAIL)
        except zlib.error as fault:
            raise Violation(f"a message cannot be decompressed as was agreed on (RFC 7692): {fault}") from fault
        require(not self._coder.eof, "a message ends the DEFLATE stream, which this client does not read")
        return content

    def _inflated(self, octets):
        if self._window == LARGEST_WINDOW:
            return self._coder.decompress(octets)
        content = bytearray()
        while piece := self._coder.decompress(octets, (1 << self._window) // PIECES_OF_WINDOW):
            content += piece
            octets = self._coder.unconsumed_tail
        return bytes(content)
