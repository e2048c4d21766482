"""Descriptors that run out: no spin, no death, and service when there are some again."""

import time

from measure import client

from . import clients
from .house import Row, milliseconds

NAME = "descriptors run out"

DESCRIPTORS = 64
HOLDERS = 200
# Some that wait in the kernel's queue, each with a request, while the others leave.
WAITING = 20

SECONDS = 5
CPU = 0.050
RESUMES = 1.0

# Where no limit of connections is given, it follows from the descriptors at the start: half of
# what 64 reserved ones, and a sixteenth for private copies, leave.
FOUND = 256
DERIVED = (FOUND - 64 - FOUND // 16) // 2


def run(house, _):
    """The rows."""
    root = house.root("scarce")
    (root / "small.txt").write_bytes(b"x" * 1024)
    return [*exhausted(house, root), derived(house, root)]


def exhausted(house, root):
    """Clients hold every descriptor, because the server was told to allow more than there are."""
    options = ["--max-connections", "1000", "--head-timeout", "1m"]
    with house.serving(root, *options, descriptors=DESCRIPTORS) as server:
        held = [clients.connect(server.port) for _ in range(HOLDERS)]
        waiting = [clients.connect(server.port) for _ in range(WAITING)]
        for connection in waiting:
            connection.sendall(client.request(server.port, "/small.txt"))
        time.sleep(0.5)
        before = server.tree.cpu()
        time.sleep(SECONDS)
        used = server.tree.cpu() - before
        most = server.tree.descriptors()
        status = clients.ask(held[0], server.port, "/small.txt").status
        begun = time.perf_counter()
        for connection in held:
            connection.close()
        answers = [client.receive(connection).status for connection in waiting]
        took = time.perf_counter() - begun
        fresh = client.fetch(server.port, "/small.txt").status
        alive = server.tree.is_alive()
    return [
        Row(
            NAME,
            f"CPU over {SECONDS} s below {milliseconds(CPU)}, all descriptors held",
            f"{milliseconds(used)}; {most} of {DESCRIPTORS} open; a client who is in is answered {status}",
            used < CPU and most == DESCRIPTORS and status in (200, 503),
        ),
        Row(
            NAME,
            f"who waited is served within {RESUMES:.0f} s of the others' leaving",
            f"{answers.count(200)} of {WAITING}, the last after {milliseconds(took)}; a newcomer is answered {fresh}",
            answers.count(200) == WAITING and took < RESUMES and fresh == 200 and alive,
        ),
    ]


def derived(house, root):
    """How many are let in where the limit follows from the descriptors, counted from outside."""
    with house.serving(root, descriptors=FOUND) as server:
        statuses = []
        held = []
        for _ in range(2 * DERIVED):
            held.append(clients.connect(server.port))
            statuses.append(clients.ask(held[-1], server.port, "/small.txt").status)
            if statuses[-1] != 200:
                held.pop().close()
        for connection in held:
            connection.close()
    return Row(
        NAME,
        f"with {FOUND} descriptors, {DERIVED} connections are let in and the next refused",
        f"{statuses.count(200)} let in, {statuses.count(503)} told 503",
        statuses == [200] * DERIVED + [503] * DERIVED,
    )
