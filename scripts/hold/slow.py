"""Slow clients: many at once, each of which holds a connection as long as it is let."""

import resource
import select
import socket
import time
from collections import deque
from dataclasses import dataclass

from measure import client

from . import clients, kernel
from .apart import Apart
from .house import Row, percentile

NAME = "slow clients"

EACH = 5_000
# These read twice as fast as they must, and must not be cut.
STEADY = 50

HEAD_DEADLINE = 10.0
SEND_WINDOW = 20.0
IDLE_DEADLINE = 30.0
# The server looks for deadlines once a second. Another second for a crowd to be cut, and to be
# noticed by the one process that plays it.
SWEEP = 1.0
LATE = SWEEP + 1.0
# A time limit counts from the start of the server's turn, which is a little before the client sees the
# answer.
EARLY = 0.05

P99 = 0.050

PERIOD = 1.0
LARGE = 100 * 1024 * 1024
MIN_RATE = 2048
# What a socket takes of an answer that nobody reads, in bytes.
FILLED = 320 * 1024
# Connections opened before the others get their byte.
RAMP = 50


@dataclass
class Abuser:
    """One slow client."""

    kind: str
    connection: socket.socket
    began: float
    turns: int = 0
    cut: float = None
    told: bool = False


def run(house, say):
    """The rows."""
    root = house.root("slow")
    (root / "small.txt").write_bytes(b"x" * 1024)
    with open(root / "large.bin", "wb") as large:
        large.truncate(LARGE)
    options = ["--max-connections", "16000", "--head-timeout", f"{HEAD_DEADLINE:.0f}s"]
    options += ["--send-timeout", f"{SEND_WINDOW:.0f}s", "--idle-timeout", f"{IDLE_DEADLINE:.0f}s"]
    short_before = kernel.times_short_of_memory()
    with house.serving(root, *options) as server:
        client.fetch(server.port, "/small.txt")
        with (
            Apart(clients.probe, server.port, "/small.txt", 1024) as probe,
            Apart(abuse, server.port, crowd(), nice=10) as abusers,
        ):
            say(f"{NAME}: about a minute")
            found = abusers.result(patience=180)
            times, faults = probe.finish()
    return [
        clients.neighbour(NAME, "a neighbour's", P99, times, faults),
        *(cut(found, *expectation) for expectation in EXPECTED),
        steady(found, kernel.times_short_of_memory() - short_before),
    ]


def crowd():
    """How many of each kind. A reader costs the server two descriptors, its own and its file's. The
    server keeps 256 for files, and refuses who comes when no others are left. A reader also fills its
    socket. When the kernel has too little memory for sockets, it makes those that are full smaller, and
    reports no room for so long that every slow reader seems to read nothing. It stops doing so only
    below its first limit, so the readers must stay below that one."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    readers = min(EACH, (limit - 2 * EACH - 2 * STEADY - 600) // 2, kernel.socket_memory() * 3 // 4 // FILLED)
    return {"head": EACH, "reader": readers, "silent": EACH // 2, "idle": EACH // 2, "steady": STEADY}


# Kind, what it does, and when it must be cut. The kernels' buffers take enough of an answer to
# keep the pace in the first window, and where the server's kernel enlarges its buffer later, in the
# second too: it is the second or the third that a reader fails.
EXPECTED = (
    ("head", "a head of one byte a second", HEAD_DEADLINE, HEAD_DEADLINE + LATE),
    ("reader", "an answer read at 1 KB/s", SEND_WINDOW, 3 * (SEND_WINDOW + SWEEP) + LATE),
    ("silent", "no byte at all", HEAD_DEADLINE, HEAD_DEADLINE + LATE),
    ("idle", "nothing after an answer", IDLE_DEADLINE, IDLE_DEADLINE + LATE),
)


def cut(found, kind, what, earliest, latest):
    """Whether every client of a kind was cut in time."""
    ends = [end for end, _ in found[kind]]
    times = [end for end in ends if end is not None]
    in_time = sum(earliest - EARLY <= end <= latest for end in times)
    held = in_time == len(ends) > 0
    measured = f"{in_time:,} of {len(ends):,} so"
    if times:
        measured += f"; {min(times):.1f} to {max(times):.1f} s, median {percentile(times, 0.5):.1f}"
    if kind == "head":
        answered = sum(is_told for _, is_told in found[kind])
        measured += f"; {answered:,} told 408"
        held = held and answered == len(ends)
    return Row(NAME, f"{what}: cut after {earliest:.0f} s, at most {latest:.0f}", measured, held)


def steady(found, times_short):
    """Whether those who keep the pace are left alone."""
    cut_off = sum(end is not None for end, _ in found["steady"])
    count = len(found["steady"])
    measured = f"{cut_off} of {count} cut"
    if times_short:
        measured += f"; the kernel was short of memory for sockets {times_short} times"
    return Row(NAME, "an answer read at 4 KB/s: never cut", measured, count > 0 == cut_off)


def abuse(_, port, counts):
    """Plays the crowd; by kind, after how many seconds each client was cut, and whether it was
    told why."""
    stage = Stage(port)
    kinds = deque(interleaved(counts))
    latest = max(latest for _, _, _, latest in EXPECTED)
    end = None
    while kinds or (stage.waiting_for > 0 and time.monotonic() < end):
        for _ in range(min(RAMP, len(kinds))):
            stage.enter(kinds.popleft())
        end = end or time.monotonic() + latest + client.PATIENCE
        stage.act(0 if kinds else 0.005)
    return stage.found(counts)


def interleaved(counts):
    """One of each kind in turn, as long as there are any."""
    most = max(counts.values())
    return [kind for number in range(most) for kind, count in counts.items() if number < count]


class Stage:
    """All clients of one process, by descriptor."""

    def __init__(self, port):
        self._port = port
        self._epoll = select.epoll()
        self._all = []
        self._by_descriptor = {}
        # Due times and clients. The period is the same for all, so that the first is the next.
        self._due = deque()
        # Clients that have to be cut and are not yet.
        self.waiting_for = 0

    def enter(self, kind):
        """A new client begins."""
        narrow = kind in ("reader", "steady")
        began = time.monotonic()
        connection = clients.connect(self._port, narrow=narrow)
        if narrow:
            connection.sendall(client.request(self._port, "/large.bin"))
        elif kind == "idle":
            began = time.monotonic()
            clients.ask(connection, self._port, "/small.txt")
        connection.setblocking(False)
        abuser = Abuser(kind, connection, began)
        self._all.append(abuser)
        self._by_descriptor[connection.fileno()] = abuser
        self._epoll.register(connection, select.EPOLLRDHUP | select.EPOLLET)
        self.waiting_for += kind != "steady"
        if kind == "head":
            self._move(abuser)
        if kind not in ("silent", "idle"):
            self._due.append((time.monotonic() + PERIOD, abuser))

    def act(self, wait):
        """Notes who was cut, and lets those move whose time has come."""
        for descriptor, _ in self._epoll.poll(wait):
            self._leave(self._by_descriptor[descriptor])
        now = time.monotonic()
        while self._due and self._due[0][0] <= now:
            _, abuser = self._due.popleft()
            if abuser.cut is None:
                self._move(abuser)
                self._due.append((now + PERIOD, abuser))

    def _move(self, abuser):
        try:
            if abuser.kind == "head":
                if abuser.turns == 0:
                    abuser.began = time.monotonic()
                head = client.request(self._port, "/small.txt", ["X-Slow: "])[:-4]
                at = abuser.turns
                abuser.connection.send(head[at : at + 1] or b"x")
                abuser.turns += 1
            else:
                abuser.connection.recv(1024 if abuser.kind == "reader" else 2 * MIN_RATE)
        except OSError:
            # Not now, or no more: of the latter the poller tells.
            pass

    def _leave(self, abuser):
        if abuser.cut is not None:
            return
        abuser.cut = time.monotonic()
        self.waiting_for -= abuser.kind != "steady"
        try:
            abuser.told = abuser.connection.recv(4096).startswith(b"HTTP/1.1 408 ")
        except OSError:
            pass
        self._epoll.unregister(abuser.connection)
        del self._by_descriptor[abuser.connection.fileno()]
        abuser.connection.close()

    def found(self, counts):
        """By kind, the seconds until each was cut, or None, and whether it was told."""
        result = {kind: [] for kind in counts}
        for abuser in self._all:
            after = None if abuser.cut is None else abuser.cut - abuser.began
            result[abuser.kind].append((after, abuser.told))
        return result
