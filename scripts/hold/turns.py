"""Clients that make the server work: whatever they ask for, a neighbour on the same worker is
answered soon."""

import select
import socket
import time

from measure import client

from . import clients
from .apart import Apart
from .house import Row

NAME = "long work"

P99 = 0.020
SECONDS = 5
PIPELINED = 110

TEXTS = PIPELINED
TEXT = 128 * 1024
ENTRIES = 240
LARGE_LISTING = 20_000

CROWD = 2_000
NEWCOMERS = tuple(
    (what, folder, source)
    for folder in ("/folder/", "/large/")
    for what, source in (("another", "127.0.0.2"), ("the same", "127.0.0.1"))
)

GZIP = ("Accept-Encoding: gzip",)


def run(house, say):
    """The rows."""
    root = house.root("turns")
    (root / "small.txt").write_bytes(b"x" * 1024)
    for number in range(TEXTS):
        line = f"the {number}th text has lines that repeat, but not quite\n".encode()
        (root / f"text-{number}.txt").write_bytes((line * (TEXT // len(line) + 1))[:TEXT])
    for name, count in (("folder", ENTRIES), ("large", LARGE_LISTING)):
        (root / name).mkdir()
        for number in range(count):
            (root / name / f"IMG_{number:06}.jpeg").touch()
    rows = []
    for what, count, method, path_of, headers in CASES:
        say(f"{NAME}: {count} of {what}")
        # Without a cache, every request makes the server work again.
        with house.serving(root, "--threads", "1", "--cache-memory", "0") as server:
            client.fetch(server.port, "/small.txt")
            batch = b"".join(
                client.request(server.port, path_of(number), headers, method=method) for number in range(PIPELINED)
            )
            with (
                Apart(clients.probe, server.port, "/small.txt", 1024) as probe,
                Apart(flood, server.port, batch, count, nice=10) as crowd,
            ):
                sent = crowd.result(patience=SECONDS + 30)
                times, faults = probe.finish()
            rows.append(clients.neighbour(f"{NAME}", f"{count} connections with {what} ({sent} batches): a neighbour's", P99, times, faults))
    for what, folder, source in NEWCOMERS:
        say(f"{NAME}: {CROWD} newcomers")
        with house.serving(root, "--threads", "1", "--cache-memory", "0") as server:
            client.fetch(server.port, "/small.txt")
            with (
                Apart(clients.probe, server.port, "/small.txt", 1024) as probe,
                Apart(newcomers, server.port, folder, source, nice=10) as crowd,
            ):
                served = crowd.result(patience=SECONDS + 60)
                times, faults = probe.finish()
            whose = f"waves of {CROWD:,} new connections from {what} address, each with a listing of its own of {folder} ({served:,} answered): a neighbour's"
            faults += [] if served else ["no newcomer was answered"]
            rows.append(clients.neighbour(NAME, whose, P99, times, faults))
    return rows


CASES = tuple(
    (what, count, method, path_of, headers)
    for what, method, path_of, headers in (
        (f"{PIPELINED} HEADs of texts with gzip", "HEAD", lambda number: f"/text-{number}.txt", GZIP),
        (f"{PIPELINED} GETs of texts with gzip", "GET", lambda number: f"/text-{number}.txt", GZIP),
        (f"{PIPELINED} HEADs of a listing of {ENTRIES}", "HEAD", lambda _: "/folder/", ()),
        (f"{PIPELINED} GETs of a listing of {ENTRIES} with gzip", "GET", lambda _: "/folder/", GZIP),
        (f"{PIPELINED} HEADs of a listing of {LARGE_LISTING:,}", "HEAD", lambda _: "/large/", ()),
    )
    for count in (1, 16, 64)
)


def newcomers(stop, port, folder, source):
    """Waves of new connections, each of which asks for a listing of its own. How many were answered."""
    end = time.monotonic() + SECONDS
    served = 0
    while time.monotonic() < end and not stop.is_set():
        poller = select.epoll()
        crowd = {}
        for number in range(CROWD):
            connection = clients.connect(port, source)
            connection.sendall(client.request(port, f"{folder}?q={number}", method="HEAD"))
            crowd[connection.fileno()] = connection
            poller.register(connection, select.EPOLLIN)
        while crowd and (ready := poller.poll(1)):
            for descriptor, _ in ready:
                served += bool(crowd[descriptor].recv(1 << 16))
                crowd.pop(descriptor).close()
        for connection in crowd.values():
            connection.close()
    return served


def flood(stop, port, batch, count):
    """Sends the batch again on each connection whenever its answers have come, and reads them."""
    connections = {}
    poller = select.epoll()
    for _ in range(count):
        connection = clients.connect(port)
        connection.setblocking(False)
        connections[connection.fileno()] = [connection, memoryview(batch), 0]
        poller.register(connection, select.EPOLLIN | select.EPOLLOUT | select.EPOLLET)
    end = time.monotonic() + SECONDS
    batches = 0
    while time.monotonic() < end and not stop.is_set():
        for descriptor, _ in poller.poll(0.05):
            state = connections[descriptor]
            batches += move(state, batch)
    for connection, _, _ in connections.values():
        connection.close()
    return batches


def move(state, batch):
    """Reads what has come, and sends what the kernel takes. How many batches were sent."""
    connection = state[0]
    sent = 0
    try:
        while True:
            if not connection.recv(1 << 16):
                break
    except OSError:
        pass
    try:
        while True:
            state[1] = state[1][connection.send(state[1]) :]
            if not state[1]:
                state[1] = memoryview(batch)
                sent += 1
    except OSError:
        pass
    return sent
