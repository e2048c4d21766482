"""Clients that vanish in every phase of an exchange, in every way."""

import select
import socket
import time
from collections import deque
from dataclasses import dataclass
from itertools import islice

from measure import client

from . import clients
from .house import Row

NAME = "vanishing clients"

COUNT = 100_000
# Until then what the server keeps for reuse grows to its size.
WARM_UP = 50_000

LIMIT = 8_000
# So many that wait for the server at a time.
QUIET = 5_000
# A silent client that saw the server's end sends a byte when the server must have closed: after its
# time to linger, a second because deadlines are looked for once a second, and some to spare.
CLOSED = 1 + 1 + 0.5
# The longest that anybody may be held: a reader fails in the second window.
GRACE = 2 * (2 + 1) + CLOSED + 1

DEADLINES = ["--head-timeout", "2s", "--body-timeout", "2s", "--idle-timeout", "2s"]
DEADLINES += ["--send-timeout", "2s", "--linger-timeout", "1s"]

# How much memory may differ: a fortieth, and 1 MB.
PART = 0.025
MB = 1_000_000

# Sixteen times what the kernels take of an answer to a narrow client.
LARGE = 4 * 1024 * 1024

# The few that say nothing more take a place until their deadline.
WAYS = ("reset", "half-close") * 4 + ("silence",)


def run(house, say):
    """The rows."""
    root = house.root("vanish")
    (root / "small.txt").write_bytes(b"x" * 1024)
    (root / "large.bin").write_bytes(b"x" * LARGE)
    with house.serving(root, "--max-connections", str(LIMIT), *DEADLINES) as server:
        for path in ("/small.txt", "/large.bin", "/absent"):
            client.fetch(server.port, path)
        time.sleep(0.5)
        descriptors, fresh = server.tree.descriptors(), server.tree.resident()
        party = Party(server.port)
        party.send(range(WARM_UP))
        server.has_settled(descriptors)
        warm = server.tree.resident()
        say(f"{NAME}: {WARM_UP:,} of {COUNT:,}")
        party.send(range(WARM_UP, COUNT))
        server.has_settled(descriptors)
        left, after = server.tree.descriptors(), server.tree.resident()
        rows = [
            Row(
                NAME,
                f"{COUNT:,} by reset, half-close or silence in {len(PHASES)} phases: each let go within {GRACE:.0f} s",
                f"{party.gone:,} gone, {party.held} still held; the longest after {party.longest:.1f} s",
                party.gone == COUNT and party.held == 0 and party.longest <= GRACE,
            ),
            Row(NAME, "descriptors as before", f"{descriptors} before, {left} after", left == descriptors),
            Row(
                NAME,
                f"memory as after the first {WARM_UP:,}, within {PART:.1%} + 1 MB",
                f"{warm / MB:.1f} MB then, {after / MB:.1f} MB after all ({fresh / MB:.1f} MB at the start)",
                abs(after - warm) <= PART * warm + MB,
            ),
            places(server),
        ]
    return rows


def places(server):
    """What the server counts is not shown; but a connection it failed to count down is a place
    that nobody gets any more."""
    held = []
    admitted = refused = 0
    for _ in range(LIMIT + 10):
        connection = clients.connect(server.port)
        if clients.ask(connection, server.port, "/small.txt").status == 200:
            admitted += 1
            held.append(connection)
            if admitted % 1000 == 0:
                # Nobody's place may be lost to the idle deadline while the others come.
                for one in held:
                    clients.ask(one, server.port, "/small.txt")
        else:
            refused += 1
            connection.close()
    for connection in held:
        connection.close()
    return Row(
        NAME,
        f"afterwards all of {LIMIT:,} places are free, and no more",
        f"{admitted:,} let in, {refused} of the next refused",
        admitted == LIMIT and refused == 10,
    )


def _nothing(_connection, _port):
    pass


def _half_a_head(connection, port):
    connection.sendall(client.request(port, "/small.txt")[:-10])


def _request(connection, port):
    connection.sendall(client.request(port, "/small.txt"))


def _half_a_body(connection, port):
    head = client.request(port, "/small.txt", ["Content-Length: 100"])
    connection.sendall(head.replace(b"GET", b"POST", 1) + b"x" * 10)


def _half_an_answer(connection, port):
    connection.sendall(client.request(port, "/large.bin"))
    connection.recv(4096)


def _an_answer(connection, port):
    clients.ask(connection, port, "/small.txt")


def _last_answer(connection, port):
    """A fault, after which the server waits for the client to close."""
    connection.sendall(b"GET / HTTP/1.1\r\nno field\r\n\r\n")
    connection.recv(4096)


PHASES = (_nothing, _half_a_head, _request, _half_a_body, _half_an_answer, _an_answer, _last_answer)


@dataclass
class Quiet:
    """A client that waits for what the server does."""

    connection: socket.socket
    way: str
    since: float


class Party:
    """Clients that come, get so far, and vanish."""

    def __init__(self, port):
        self.gone = 0
        self.held = 0
        self.longest = 0.0
        self._port = port
        self._epoll = select.epoll()
        self._quiet = {}
        # When to send a byte, and by whom; in the order of time.
        self._pokes = deque()

    def send(self, numbers):
        """One client for each number, which says how far it gets and how it vanishes."""
        for number in numbers:
            # A port that was just used rests for a while; a few addresses have enough of them.
            source = f"127.0.0.{2 + number % 8}"
            phase = PHASES[number % len(PHASES)]
            connection = clients.connect(self._port, source, narrow=phase is _half_an_answer)
            phase(connection, self._port)
            self._vanish(connection, WAYS[number % len(WAYS)])
            if number % 50 == 0:
                self._notice(0)
            while len(self._quiet) >= QUIET:
                self._notice(0.05)
        while self._quiet:
            self._notice(0.05)

    def _vanish(self, connection, way):
        if way == "reset":
            clients.reset(connection)
            self.gone += 1
            return
        if way == "half-close":
            try:
                connection.shutdown(socket.SHUT_WR)
            except OSError:
                # The server was faster: it has closed already.
                pass
        self._epoll.register(connection, select.EPOLLRDHUP | select.EPOLLET)
        self._quiet[connection.fileno()] = Quiet(connection, way, time.monotonic())

    def _notice(self, wait):
        """Leaves with whom the server has let go, and gives up on whom it holds for too long."""
        events = self._epoll.poll(wait)
        now = time.monotonic()
        for descriptor, what in events:
            one = self._quiet[descriptor]
            if one.way == "silence" and not what & (select.EPOLLHUP | select.EPOLLERR):
                # The end of what the server sends need not be the end of its interest.
                self._pokes.append((now + CLOSED, descriptor, one))
            else:
                self._let_go(descriptor, now)
        while self._pokes and self._pokes[0][0] <= now:
            _, descriptor, one = self._pokes.popleft()
            if self._quiet.get(descriptor) is one:
                self._poke(descriptor, now)
        # In the order in which they fell quiet.
        for descriptor, one in list(islice(self._quiet.items(), 10)):
            if now - one.since > 2 * GRACE:
                self.held += 1
                self._quiet.pop(descriptor).connection.close()

    def _poke(self, descriptor, now):
        """A byte that a server which still listens takes, and one that has closed resets."""
        try:
            self._quiet[descriptor].connection.send(b"x")
        except ConnectionError:
            # It closed with a reset of its own, of which the poller has not told yet.
            self._let_go(descriptor, now)

    def _let_go(self, descriptor, now):
        one = self._quiet.pop(descriptor)
        self.longest = max(self.longest, now - one.since)
        self.gone += 1
        one.connection.close()
