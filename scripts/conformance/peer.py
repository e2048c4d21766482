"""An echo server that can break one rule at a time: the cases must notice.

It is small and blocks; it need not be fast or safe. Without a fault it does everything right that the chosen
cases ask for.
"""

import codecs
import re
import socket
import struct
import zlib

from measure.accepting import serve_each

from .deflate import TAIL
from .frames import BINARY, CLOSE, CONTINUATION, PING, PONG, RSV1, TEXT, masked
from .handshake import accept_value
from .limits import MIB
from .receiver import may_be_sent

# A client that sends nothing for so long is gone.
PATIENCE = 30.0


# What RFC 7692 section 7.1 allows, without a window of 256 bytes, which zlib does not have.
VALID_OFFER = re.compile(
    rb"permessage-deflate(; (server|client)_no_context_takeover|; (server|client)_max_window_bits=(9|1[0-5])|; client_max_window_bits)*"
)

LIMIT = 16 * MIB


class Ended(Exception):
    """Nothing more is read."""


class Peer:
    """A server, until the end of the block."""

    def __init__(self, fault=None):
        # What went wrong here, and not in the case.
        self.errors = []
        self._fault = fault
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]

    def __enter__(self):
        serve_each(self._listener, self._serve)
        return self

    def __exit__(self, *_):
        # This wakes the thread that waits for clients.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self, client):
        client.settimeout(PATIENCE)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with client:
            try:
                Echo(client, self._fault).run()
            except Ended:
                end(client, self._fault)
            except OSError:
                # The client is gone.
                pass
            except Exception as error:
                self.errors.append(error)


def end(client, fault):
    """Ends TCP, without a reset: what the client still sends is read."""
    try:
        if fault != "leaves it to the client to end TCP":
            client.shutdown(socket.SHUT_WR)
        while client.recv(1 << 16):
            pass
    except OSError:
        pass


class Echo:
    """One connection."""

    def __init__(self, client, fault):
        self._client = client
        self._fault = fault
        self._input = client.makefile("rb")
        # None: messages are not compressed.
        self._window = None
        self._is_taken_over = True
        self._compressor = None
        self._client_is_taken_over = True
        self._decompressor = None
        self._kind = None
        self._is_compressed = False
        self._content = b""
        self._text = None
        self._late_pongs = []

    def _is(self, *faults):
        return self._fault in faults

    def run(self):
        """Never returns: a connection ends with an exception."""
        self._open()
        if self._is("closes every connection with 4123"):
            self._fail(4123)
        while True:
            self._frame()

    def _open(self):
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self._read(1)
        key = re.search(rb"Sec-WebSocket-Key: (\S+)", head).group(1)
        value = accept_value(b"another" if self._is("answers another key") else key)
        fields = [b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Accept: " + value]
        value = re.search(rb"Sec-WebSocket-Extensions: (.*)\r", head)
        offers = value.group(1).split(b", ") if value and not self._is("never compresses") else []
        offer = next(filter(self._is_acceptable, offers), None)
        if offer:
            fields.append(b"Sec-WebSocket-Extensions: " + self._agree(offer))
        self._client.sendall(b"\r\n".join([b"HTTP/1.1 101 Switching Protocols", *fields, b"", b""]))

    def _is_acceptable(self, offer):
        return VALID_OFFER.fullmatch(offer) or self._is("accepts every offer")

    def _agree(self, offer):
        self._is_taken_over = b"server_no_context_takeover" not in offer
        self._client_is_taken_over = b"client_no_context_takeover" not in offer
        asked = re.search(rb"server_max_window_bits=(\d+)", offer)
        self._window = int(asked.group(1)) if asked else 15
        response = b"permessage-deflate"
        response += b"" if self._is_taken_over else b"; server_no_context_takeover"
        response += b"" if self._client_is_taken_over else b"; client_no_context_takeover"
        response += b"; server_max_window_bits=%d" % self._window if asked else b""
        if self._is("keeps its context"):
            self._is_taken_over = True
        if self._is("forgets the context of the client"):
            self._client_is_taken_over = False
        if self._is("uses a larger window"):
            self._window = 15
        return response

    def _read(self, length):
        octets = self._input.read(length)
        if len(octets) < length:
            raise Ended
        return octets

    def _frame(self):
        first, second = self._read(2)
        is_final, rsv, opcode = bool(first & 0x80), first >> 4 & 7, first & 0x0F
        if not second & 0x80:
            if self._is("accepts frames without a mask"):
                self._control(PONG, self._read(second))
                return
            self._fail(1002)
        self._check_head(is_final, rsv, opcode, length := self._length(second & 0x7F))
        key = self._read(4)
        payload = masked(self._read(length), key)
        if opcode >= CLOSE:
            self._control(opcode, payload)
        elif opcode <= BINARY:
            self._data(opcode, is_final, rsv, payload)

    def _length(self, length):
        if length < 126:
            return length
        form, least = (">H", 126) if length == 126 else (">Q", 1 << 16)
        (length,) = struct.unpack(form, self._read(struct.calcsize(form)))
        if not least <= length < 1 << 63 and not self._is("accepts lengths in more octets"):
            self._fail(1002)
        return length

    def _check_head(self, is_final, rsv, opcode, length):
        allowed = RSV1 if self._window and opcode in (TEXT, BINARY) else 0
        if rsv & ~allowed and not self._is("ignores reserved bits"):
            self._fail(1002)
        if opcode not in (CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG) and not self._is("ignores reserved opcodes"):
            self._fail(1002)
        if opcode >= CLOSE:
            if not is_final and not self._is("accepts control frames in fragments"):
                self._fail(1002)
            if length > 125 and not self._is("accepts long control frames"):
                self._fail(1002)
        self._check_size(len(self._content) + length)

    def _check_size(self, size):
        limit = MIB if self._is("refuses more than 1 MiB") else LIMIT
        if size > limit and not self._is("has no limit"):
            self._fail(1009)

    def _control(self, opcode, payload):
        if opcode == CLOSE:
            self._close(payload)
        if opcode == PING and not self._is("does not answer pings"):
            self._pong(b"" if self._is("answers pings with empty pongs") else payload)
        if opcode == PONG and self._is("answers pongs"):
            self._send(PONG, payload)

    def _pong(self, payload):
        if self._is("answers pings after the message") and self._kind is not None:
            self._late_pongs.append(payload)
        else:
            self._send(PONG, payload[:125])

    def _close(self, payload):
        if self._is("ends TCP without an answer to Close"):
            raise Ended
        if self._is("answers pings after Close"):
            self._send(PONG, b"")
        if len(payload) == 1:
            self._fail(1000 if self._is("accepts half a status code") else 1002)
        if len(payload) < 2:
            self._send(CLOSE, b"")
            raise Ended
        (code,) = struct.unpack_from(">H", payload)
        if not self._is_valid(code):
            self._fail(1002)
        self._check_reason(payload[2:])
        self._fail(1001 if self._is("answers Close with 1001") else 1000)

    def _is_valid(self, code):
        if self._is("knows only the status codes of the RFC") and 1012 <= code <= 1014:
            return False
        return may_be_sent(code) or code == 1010 or self._is("accepts every status code")

    def _check_reason(self, reason):
        try:
            reason.decode()
        except UnicodeDecodeError:
            if not self._is("does not check reasons"):
                self._fail(1007)

    def _data(self, opcode, is_final, rsv, payload):
        if opcode == CONTINUATION and self._kind is None:
            if self._is("accepts continuations of nothing"):
                return
            self._fail(1002)
        if opcode != CONTINUATION:
            if self._kind is not None and not self._is("accepts a message within another"):
                self._fail(1002)
            self._begin(opcode, rsv)
        self._content += payload
        if not self._is_compressed and not self._is("checks texts at their end"):
            self._check_text(payload, is_final)
        if is_final:
            self._finish()

    def _begin(self, opcode, rsv):
        self._kind, self._is_compressed, self._content = opcode, bool(rsv & RSV1 and self._window), b""
        errors = "surrogatepass" if self._is("accepts surrogates") else "strict"
        self._text = codecs.getincrementaldecoder("utf-8")(errors)

    def _check_text(self, payload, is_final):
        if self._kind != TEXT or self._is("does not check texts"):
            return
        try:
            self._text.decode(payload, is_final)
        except UnicodeDecodeError:
            self._fail(1002 if self._is("fails texts with 1002") else 1007)

    def _finish(self):
        content, kind = self._content, self._kind
        if self._is_compressed:
            content = self._inflated(content + TAIL)
            self._check_size(len(content))
        if self._is_compressed or self._is("checks texts at their end"):
            self._check_text(content, True)
        self._kind, self._content = None, b""
        if self._is("changes text to binary"):
            kind = BINARY
        if self._is("loses the last octet"):
            content = content[:-1]
        self._send_message(kind, content)
        for payload in self._late_pongs:
            self._send(PONG, payload)
        self._late_pongs = []

    def _inflated(self, octets):
        if self._decompressor is None or not self._client_is_taken_over:
            self._decompressor = zlib.decompressobj(wbits=-15)
        try:
            content = self._decompressor.decompress(octets)
        except zlib.error:
            if self._is("ignores what cannot be decompressed"):
                return b""
            self._fail(1007)
        if self._decompressor.eof:
            # The octets behind the last block are an empty one.
            self._decompressor = None
        return content

    def _send_message(self, kind, content):
        if self._window is None:
            rsv = RSV1 if self._is("sets RSV1") else 0
            self._send(kind, content, rsv)
            return
        if self._compressor is None or not self._is_taken_over:
            self._compressor = zlib.compressobj(wbits=-self._window)
        payload = self._compressor.compress(content) + self._compressor.flush(zlib.Z_SYNC_FLUSH)
        self._send(kind, payload.removesuffix(TAIL), RSV1)

    def _send(self, opcode, payload, rsv=0):
        is_masked = self._is("masks its frames")
        length = len(payload)
        head = bytes([0x80 | rsv << 4 | opcode])
        if length < 126 and not self._is("writes lengths in more octets"):
            head += bytes([is_masked << 7 | length])
        elif length < 1 << 16:
            head += struct.pack(">BH", is_masked << 7 | 126, length)
        else:
            head += struct.pack(">BQ", is_masked << 7 | 127, length)
        self._client.sendall(head + (b"\0\0\0\0" if is_masked else b"") + payload)

    def _fail(self, code):
        if not self._is("fails without a Close frame"):
            self._send(CLOSE, struct.pack(">H", code))
        if self._is("sends a message after Close"):
            self._send(TEXT, b"late")
        raise Ended
