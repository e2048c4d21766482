"""A small HTTP/1.1 client: it shows the bytes as they came, and can hold many connections."""

import gzip
import socket
import time
from dataclasses import dataclass

# Longer than any answer takes; a server that needs more hangs.
PATIENCE = 30.0

# How much is read at a time.
PIECE = 256 * 1024


@dataclass(frozen=True)
class Answer:
    """One response."""

    status: int
    fields: dict  # by name in lower case
    raw: bytes  # as it came, head and framing included
    head_length: int
    content: bytes  # without chunks and content coding


def request(port, path, headers=(), method="GET"):
    """The bytes of a request, with the fields that the load generator sends."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{port}", *headers, "", ""]
    return "\r\n".join(lines).encode()


def connect(port, identity=None, session=None):
    """A connection to a server of this machine; over TLS where the server has an identity."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return identity.secure(connection, session) if identity else connection


def fetch(port, path, headers=(), identity=None):
    """One request on a connection of its own."""
    with connect(port, identity) as connection:
        connection.sendall(request(port, path, headers))
        return receive(connection)


def receive(connection, decode=True):
    """Reads one response to its end."""
    received, head_length, status, fields = _head(connection)
    content = _body(connection, received, head_length, status, fields)
    if decode and fields.get("content-encoding") == "gzip":
        content = gzip.decompress(content)
    return Answer(status, fields, bytes(received), head_length, content)


def pass_over(connection):
    """Reads one successful response and keeps nothing of it: for content that is long."""
    received, head_length, status, fields = _head(connection)
    if status != 200:
        raise OSError(f"status {status}")
    if "content-length" not in fields:
        _body(connection, received, head_length, status, fields)
        return
    remaining = head_length + int(fields["content-length"]) - len(received)
    buffer = bytearray(PIECE)
    while remaining > 0:
        count = connection.recv_into(buffer, min(remaining, PIECE))
        if count == 0:
            raise EOFError("the server closed the connection in the middle of an answer")
        remaining -= count


def _head(connection):
    """What was received, how much of it is the head, its status and its fields."""
    received = bytearray()
    while (end := received.find(b"\r\n\r\n")) < 0:
        _read_more(connection, received)
    first, *lines = received[:end].decode("latin-1").split("\r\n")
    fields = {}
    for line in lines:
        name, _, value = line.partition(":")
        fields[name.strip().lower()] = value.strip()
    return received, end + 4, int(first.split()[1]), fields


def _body(connection, received, start, status, fields):
    if status in (101, 204, 304):
        return b""
    if fields.get("transfer-encoding", "").lower() == "chunked":
        return _chunks(connection, received, start)
    if "content-length" in fields:
        end = start + int(fields["content-length"])
        while len(received) < end:
            _read_more(connection, received)
        return bytes(received[start:end])
    try:
        while True:
            _read_more(connection, received)
    except EOFError:
        return bytes(received[start:])


def _chunks(connection, received, at):
    content = bytearray()
    while True:
        while (end := received.find(b"\r\n", at)) < 0:
            _read_more(connection, received)
        size = int(received[at:end].split(b";")[0], 16)
        at = end + 2
        while len(received) < at + size + 2:
            _read_more(connection, received)
        content += received[at : at + size]
        at += size + 2
        if size == 0:
            return bytes(content)


def _read_more(connection, received):
    some = connection.recv(PIECE)
    if not some:
        raise EOFError("the server closed the connection in the middle of an answer")
    received += some


class IdleClients:
    """Connections that have each had one answer and ask for nothing more."""

    def __init__(self, port, path, count):
        self._request = request(port, path)
        self._connections = []
        try:
            for _ in range(count):
                connection = connect(port)
                self._connections.append(connection)
                self._open(connection)
        except (OSError, EOFError) as fault:
            self.close()
            raise RuntimeError(f"connection {len(self._connections)} of {count}: {fault}") from fault

    def _open(self, connection):
        self._ask(connection)

    def _ask(self, connection):
        connection.sendall(self._request)
        status = receive(connection).status
        if status != 200:
            raise OSError(f"status {status}")

    def idle(self, seconds):
        """Lets time pass."""
        time.sleep(seconds)

    def check_some(self):
        """Fails where the server has dropped connections in the meantime."""
        for connection in self._connections[::100]:
            self._ask(connection)

    def close(self):
        """Leaves."""
        for connection in self._connections:
            connection.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def wait_for_answer(tree, port, path, identity=None):
    """Asks until there is an answer: how a start is timed, and awaited."""
    return _until_connected(tree, lambda: fetch(port, path, identity=identity))


def wait_for_connection(tree, port):
    """Waits until a server accepts a connection, whatever it speaks."""
    _until_connected(tree, lambda: connect(port).close())


def _until_connected(tree, attempt):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        try:
            return attempt()
        except ConnectionError:
            if not tree.is_alive():
                raise RuntimeError("the server ended at its start") from None
            time.sleep(0.0001)
    raise RuntimeError("the server does not answer")
