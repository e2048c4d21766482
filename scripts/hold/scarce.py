"""Descriptors that run out: no spin, no death, and service when there are some again."""

import time

from measure import client

from . import clients
from .house import Row, milliseconds

NAME = "descriptors run out"

DESCRIPTORS = 64
HOLDERS = 200
LARGE = 4 << 20

SECONDS = 5
CPU = 0.050
RESUMES = 1.0

# Connections may have all descriptors but an eighth, which is kept for files, and the few that the server
# needs for itself.
FOUND = 256
OWN = 16
FEWEST = FOUND - OWN - (FOUND - OWN) // 8

# Many clients of one small file, which need no descriptor beyond their sockets.
CROWD = 1500
ENOUGH = 2000


def run(house, _):
    """The rows."""
    root = house.root("scarce")
    (root / "small.txt").write_bytes(b"x" * 1024)
    (root / "large.bin").write_bytes(b"x" * LARGE)
    return [*exhausted(house, root), crowd(house, root), derived(house, root)]


def exhausted(house, root):
    """Clients hold every descriptor that is not kept for files."""
    options = ["--max-connections", "1000", "--head-timeout", "1m"]
    with house.serving(root, *options, descriptors=DESCRIPTORS) as server:
        held = [clients.connect(server.port) for _ in range(HOLDERS)]
        statuses = [ask(connection, server.port, "/small.txt") for connection in held]
        let_in = statuses.count(200)
        before = server.tree.cpu()
        time.sleep(SECONDS)
        used = server.tree.cpu() - before
        # Most of the others were told 503. Whoever is closed without a response asks in vain.
        large = clients.ask(held[0], server.port, "/large.bin")
        begun = time.perf_counter()
        for connection in held:
            connection.close()
        fresh = None
        while fresh != 200 and time.perf_counter() - begun < RESUMES:
            with clients.connect(server.port) as connection:
                fresh = ask(connection, server.port, "/small.txt")
        took = time.perf_counter() - begun
        alive = server.tree.is_alive()
    return [
        Row(
            NAME,
            f"with {DESCRIPTORS} descriptors, who is let in can have a large file; CPU over {SECONDS} s "
            f"below {milliseconds(CPU)}",
            f"{let_in} of {HOLDERS} let in, {len(large.content) >> 10} KiB read; {milliseconds(used)}",
            used < CPU and 0 < let_in < HOLDERS and len(large.content) == LARGE,
        ),
        Row(
            NAME,
            f"a new client is served within {RESUMES:.0f} s of the others' leaving",
            f"answered {fresh} after {milliseconds(took)}",
            fresh == 200 and took < RESUMES and alive,
        ),
    ]


def ask(connection, port, path):
    """The status of the answer, or `None` if the connection was closed without one."""
    try:
        return clients.ask(connection, port, path).status
    except (OSError, EOFError):
        return None


def crowd(house, root):
    """Clients that need no descriptor beyond their sockets."""
    with house.serving(root, descriptors=ENOUGH) as server:
        held = [clients.connect(server.port) for _ in range(CROWD)]
        served = sum(ask(connection, server.port, "/small.txt") == 200 for connection in held)
        for connection in held:
            connection.close()
    return Row(
        NAME,
        f"with {ENOUGH} descriptors, {CROWD} clients of a small file are served",
        f"{served} served",
        served == CROWD,
    )


def derived(house, root):
    """How many are let in where the limit follows from the descriptors, counted from outside."""
    with house.serving(root, descriptors=FOUND) as server:
        statuses = []
        held = []
        for _ in range(FOUND + OWN):
            held.append(clients.connect(server.port))
            statuses.append(clients.ask(held[-1], server.port, "/small.txt").status)
            if statuses[-1] != 200:
                held.pop().close()
        for connection in held:
            connection.close()
    let_in = statuses.count(200)
    return Row(
        NAME,
        f"with {FOUND} descriptors, at least {FEWEST} connections are let in and the next refused",
        f"{let_in} let in, {len(statuses) - let_in} told 503",
        let_in >= FEWEST and statuses == [200] * let_in + [503] * (len(statuses) - let_in),
    )
