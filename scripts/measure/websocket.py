"""WebSocket clients: a load generator of messages, and connections that are idle."""

import json
import select
import subprocess
import time

from . import client
from .load import LOOK, Run

# What docroot echoes with, and where.
LAB = ("--lab",)
ECHO = "/.docroot/lab/echo"

# What idle connections are called in the report.
HTTP = "HTTP"
QUIET = "WebSocket"
PINGED = "WebSocket, {pings:,} pings in this time"

UPGRADE = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version: 13",
)

# Masked frames of a client, with a mask that changes nothing, and what comes back.
MESSAGE = b"\x81\x85\0\0\0\0Hello"
ECHOED = b"\x81\x05Hello"
PING = b"\x89\0"
PONG = b"\x8a\x80\0\0\0\0"


def run(server, echo, generator, seconds):
    """Loads a server once. Its connections stay until its processor time was read: threads that have
    ended are counted less exactly."""
    with Generator(server, echo, generator, seconds) as messages:
        messages.wait_until_ready()
        before = server.tree.cpu()
        told, resident = messages.run(server.tree.resident)
        cpu = server.tree.cpu() - before
    rate = told["messages"] / told["seconds"]
    return Run(cpu, told["messages"], rate, told["p99"], resident, 0)


class Generator:
    """A process that sends messages and checks what comes back; see messages.rs."""

    def __init__(self, server, echo, generator, seconds):
        kind = "deflate" if echo.is_compressed else "binary"
        words = [generator, server.port, ECHO, echo.connections, echo.length, seconds, kind]
        self._process = subprocess.Popen(
            [str(word) for word in words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self._who = f"{echo.name}: {server.name}"

    def wait_until_ready(self):
        """Returns once each connection has had an echo."""
        self._line()

    def run(self, look):
        """Lets it go and waits for its end: what it tells, and the most that `look` has seen."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        most = look()
        while not select.select([self._process.stdout], [], [], LOOK)[0]:
            most = max(most, look())
        return json.loads(self._line()), most

    def _line(self):
        line = self._process.stdout.readline()
        if not line:
            lines = self._process.communicate()[1].splitlines()
            raise RuntimeError(f"{self._who}: {lines[-1] if lines else 'the load generator ended'}")
        return line

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._process.kill()
        self._process.communicate()


class IdleWebSockets(client.IdleClients):
    """WebSockets that have each had one echo, and send nothing more but pongs."""

    def __init__(self, port, path, count):
        self._upgrade = client.request(port, path, UPGRADE)
        super().__init__(port, path, count)

    def _open(self, connection):
        connection.sendall(self._upgrade)
        status = client.receive(connection).status
        if status != 101:
            raise OSError(f"status {status}")
        self._ask(connection)

    def _ask(self, connection):
        connection.sendall(MESSAGE)
        received = b""
        while not received.replace(PING, b"") == ECHOED:
            some = connection.recv(client.PIECE)
            if not some:
                raise EOFError("the server closed a WebSocket")
            received += some

    def idle(self, seconds):
        """Lets time pass and answers pings; how many there were."""
        pings = 0
        by_descriptor = {connection.fileno(): connection for connection in self._connections}
        deadline = time.monotonic() + seconds
        with select.epoll() as poller:
            for descriptor in by_descriptor:
                poller.register(descriptor, select.EPOLLIN)
            while (left := deadline - time.monotonic()) > 0:
                for descriptor, _ in poller.poll(left):
                    received = by_descriptor[descriptor].recv(client.PIECE)
                    if not received or received.replace(PING, b""):
                        raise OSError(f"an idle WebSocket received {received!r}")
                    by_descriptor[descriptor].sendall(PONG)
                    pings += len(received) // len(PING)
        return pings
