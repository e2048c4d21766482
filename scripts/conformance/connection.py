"""A connection to the server under test: it sends what a case wants, valid or not, and keeps what happened.

It reads whenever it can, also while it sends: a server that echoes stops reading from a client that does not
read.
"""

import select
import socket
import time

from . import handshake
from .deflate import Compressor, Decompressor
from .frames import RSV1, FrameReader, close_frame, fragments, require
from .receiver import Close, Receiver, Silence

CLIENT = "the client"
SERVER = "the server"

# Longer than any answer takes, also on a busy machine.
PATIENCE = 20.0

# How long a case waits for nothing to happen.
PAUSE = 1.0

# How much is read at a time.
PIECE = 256 * 1024


class Unexpected(Exception):
    """The server did something else than the case wants."""


class Connection:
    """An open connection. `events` are what arrived, without the Close frame."""

    def __init__(self, port, offers=(), patience=PATIENCE):
        self.events = []
        # Who sent Close first, or ended TCP without it.
        self.closed_by = None
        # The Close frame of the server.
        self.close = None
        # Whether the server has ended TCP.
        self.is_over = False
        self.has_sent_close = False
        self.patience = patience
        self._reader = FrameReader()
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=patience)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self._open(port, offers)
        except BaseException:
            self._socket.close()
            raise

    def _open(self, port, offers):
        key = handshake.new_key()
        self._socket.sendall(handshake.request(port, key, offers))
        received = b""
        while b"\r\n\r\n" not in received:
            some = self._socket.recv(PIECE)
            require(some, "the server ended the connection before its response (4.1)")
            received += some
        response, _, early = received.partition(b"\r\n\r\n")
        self.agreement = agreed = handshake.check(response, key, offers)
        self._compressor = agreed and Compressor(agreed.client_window, agreed.client_is_taken_over)
        decompressor = agreed and Decompressor(agreed.server_window, agreed.server_is_taken_over)
        self._receiver = Receiver(decompressor)
        self._socket.setblocking(False)
        self._take(early)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def is_open(self):
        """Whether the server still takes part."""
        return self.close is None and not self.is_over

    def is_clean(self):
        """Section 7.1.4: each end has sent Close, and the server has ended TCP."""
        return self.has_sent_close and self.close is not None and self.is_over

    def message(self, kind, content, fragment=None):
        """The frames of a message; compressed, if that was agreed on."""
        if self._compressor:
            return fragments(kind, self._compressor.message(content), fragment, RSV1)
        return fragments(kind, content, fragment)

    def send(self, octets, chop=None, closes=False):
        """Sends octets in pieces of `chop`, each with a call of its own. `closes`: a Close frame is among them.
        What the server no longer reads is not sent."""
        if closes and self.is_open():
            self.has_sent_close = True
            self.closed_by = CLIENT
        pieces = (octets[at : at + chop] for at in range(0, len(octets), chop)) if chop else (octets,)
        for piece in pieces:
            rest = memoryview(piece)
            while rest and self.is_open():
                rest = rest[self._send_some(rest) :]

    def _send_some(self, octets):
        readable, writable, _ = select.select([self._socket], [self._socket], [], self.patience)
        if readable:
            self._receive()
        elif not writable:
            raise Unexpected(f"the server has read nothing for {self.patience:g} s")
        if not writable or not self.is_open():
            return 0
        try:
            return self._socket.send(octets)
        except BlockingIOError:
            return 0
        except ConnectionError:
            # What it has sent before may still be in the queue.
            self._receive_rest()
            return 0

    def _receive(self):
        try:
            octets = self._socket.recv(PIECE)
        except BlockingIOError:
            return
        except ConnectionError:
            octets = b""
        if octets:
            self._take(octets)
        else:
            self.is_over = True
            self.closed_by = self.closed_by or SERVER
            require(self._reader.is_empty(), "the server ended the connection within a frame")

    def _receive_rest(self):
        while not self.is_over:
            self._receive()

    def _take(self, octets):
        for frame in self._reader.feed(octets):
            event = self._receiver.event(frame)
            if isinstance(event, Close):
                self._closed(event)
            elif event is not None:
                self.events.append(event)

    def _closed(self, event):
        self.close = event
        self.closed_by = self.closed_by or SERVER
        if not self.has_sent_close:
            # Section 5.5.1: the answer. The server may be gone.
            try:
                self._socket.send(close_frame(event.code))
                self.has_sent_close = True
            except OSError:
                pass

    def wait(self, is_enough, seconds=None):
        """Receives until there is enough, the server has ended TCP, or time is up."""
        deadline = time.monotonic() + (self.patience if seconds is None else seconds)
        while not self.is_over and not is_enough():
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                return
            self._receive()

    def wait_for_events(self, count):
        """Receives until so many events are there."""
        self.wait(lambda: len(self.events) >= count or not self.is_open())

    def pause(self, name):
        """Waits for nothing to happen. It is an event if the connection survives it."""
        self.wait(lambda: not self.is_open(), PAUSE)
        if self.is_open():
            self.events.append(Silence(name))

    def expect(self, wanted, what):
        """Takes the next event, which must be this one."""
        self.wait_for_events(1)
        if not self.events:
            raise Unexpected(f"{what} did not come back{self.how_it_ended()}")
        got = self.events.pop(0)
        if got != wanted:
            raise Unexpected(f"{what} came back as {got} instead of {wanted}")

    def how_it_ended(self):
        """The Close frame, for a message."""
        if self.close is None:
            return "; the server ended the connection" if self.is_over else ""
        return f"; the server closed with {self.close.code} {self.close.reason!r}".rstrip(" '")
