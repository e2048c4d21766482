"""More clients than the server may have: each is told at once, and room is room again."""

import select
import socket
import time

from measure import client

from . import clients
from .house import Row, milliseconds, percentile

NAME = "over the limit"

LIMIT = 100
IN_TURN = 500
AT_ONCE = 1_000
LEAVERS = 10

# Of those who come one after the other; of a thousand at once, until the last of them knows.
P99 = 0.050
ALL = 1.0


def run(house, _):
    """The rows."""
    root = house.root("crowd")
    (root / "small.txt").write_bytes(b"x" * 1024)
    with house.serving(root, "--max-connections", str(LIMIT)) as server:
        held = [clients.connect(server.port) for _ in range(LIMIT)]
        admitted = sum(is_served(connection, server.port) for connection in held)
        rows = [one_by_one(server.port), at_once(server.port)]
        still = sum(is_served(connection, server.port) for connection in held)
        rows.append(
            Row(
                NAME,
                f"the {LIMIT} who are in are served, before and after",
                f"{admitted} before, {still} after",
                admitted == still == LIMIT,
            )
        )
        rows.append(recovery(server.port, held))
        for connection in held:
            connection.close()
    return rows


def is_served(connection, port):
    """Whether a client who is in gets its answer."""
    try:
        return clients.ask(connection, port, "/small.txt").status == 200
    except (OSError, EOFError):
        return False


def one_by_one(port):
    """Newcomers in turn; every second one has asked before it is refused."""
    times = []
    refused = 0
    for number in range(IN_TURN):
        begun = time.perf_counter()
        with clients.connect(port) as connection:
            if number % 2:
                connection.sendall(client.request(port, "/small.txt"))
            answer = client.receive(connection)
        times.append(time.perf_counter() - begun)
        refused += answer.status == 503 and "retry-after" in answer.fields
    return Row(
        NAME,
        f"{IN_TURN} more in turn: 503 with Retry-After, p99 below {milliseconds(P99)}",
        f"{refused} so; p99 {milliseconds(percentile(times))}, worst {milliseconds(max(times))}",
        refused == IN_TURN and percentile(times) < P99,
    )


def at_once(port):
    """A crowd: only so many are told at a time, the others are closed; nobody is left waiting."""
    begun = time.perf_counter()
    poller = select.epoll()
    waiting = {}
    for _ in range(AT_ONCE):
        connection = socket.socket()
        connection.setblocking(False)
        connection.connect_ex(("127.0.0.1", port))
        waiting[connection.fileno()] = connection, bytearray()
        poller.register(connection, select.EPOLLIN)
    refused = closed = 0
    last = float("inf")
    while waiting and time.perf_counter() - begun < client.PATIENCE:
        for descriptor, _ in poller.poll(1):
            connection, received = waiting[descriptor]
            if not is_over(connection, received):
                continue
            is_told = received.startswith(b"HTTP/1.1 503 ") and b"Retry-After:" in received
            refused += is_told
            closed += not received
            last = time.perf_counter() - begun
            del waiting[descriptor]
            connection.close()
    for connection, _ in waiting.values():
        connection.close()
    return Row(
        NAME,
        f"{AT_ONCE:,} more at once: each told or closed within {ALL:.0f} s",
        f"{refused:,} told 503, {closed:,} closed, {AT_ONCE - refused - closed} otherwise; the last after "
        f"{milliseconds(last)}",
        not waiting and refused + closed == AT_ONCE and refused > 0 and last < ALL,
    )


def is_over(connection, received):
    """Reads what is there; whether the server has closed."""
    try:
        some = connection.recv(4096)
    except BlockingIOError:
        return False
    except OSError:
        return True
    received += some
    return not some


def recovery(port, held):
    """How soon a place is free when somebody leaves."""
    times = []
    for _ in range(LEAVERS):
        held.pop().close()
        begun = time.perf_counter()
        while time.perf_counter() - begun < ALL:
            newcomer = clients.connect(port)
            if is_served(newcomer, port):
                times.append(time.perf_counter() - begun)
                held.append(newcomer)
                break
            newcomer.close()
    return Row(
        NAME,
        f"whoever leaves makes room within {ALL:.0f} s",
        f"{len(times)} of {LEAVERS}, the slowest after {milliseconds(max(times, default=float('inf')))}",
        len(times) == LEAVERS,
    )
