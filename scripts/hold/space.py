"""The clients of `memory` again, but the server may use little address space: it does not abort, and
refuses what does not fit."""

import time

from measure import client

from . import memory
from .house import Row

NAME = "address space"

# What a service manager might allow. Stacks of threads and arenas of the allocator take a good part of
# it, because they claim addresses long before they use memory.
SPACE = 1000 << 20
# The server must keep away from the limit. At the limit, the kernel refuses memory and threads to it.
MOST = 800 << 20
AGAIN = 10.0

NEIGHBOUR = "neighbour.txt"


def run(house, say):
    """The rows."""
    rows = []
    for number, case in enumerate(memory.CASES):
        say(f"{NAME}: {case.what}")
        root = house.root(f"space-{number}")
        (root / NEIGHBOUR).write_bytes(b"x" * 1024)
        with case.prepare(root) as path_of:
            rows.append(hold(house, root, case, path_of))
    return rows


def hold(house, root, case, path_of):
    """What a neighbour is told while the clients do not read, and after they have left."""
    with house.serving(root, space=SPACE) as server:
        crowd = []
        try:
            crowd += (memory.ask(server.port, path_of(number), case.fields) for number in range(case.clients))
            memory.settled(server, patience=30)
            during = [ask(server.port, path) for path in (f"/{NEIGHBOUR}", path_of(0))]
        finally:
            for connection in crowd:
                connection.close()
        begun = time.monotonic()
        after = None
        while after != [200, 200] and time.monotonic() - begun < AGAIN:
            after = [ask(server.port, path) for path in (f"/{NEIGHBOUR}", path_of(0))]
        took = time.monotonic() - begun
        most = server.tree.most_addresses()
    return Row(
        NAME,
        f"{case.what}, {case.clients:,} clients that read nothing, in {SPACE >> 20:,} MiB of addresses: another client "
        f"gets 200, or 503 with Retry-After, and 200 within {AGAIN:.0f} s of their leaving; at most {MOST >> 20:,} MiB in use",
        f"{told(during)}; then {told(after)} after {took:.1f} s; at most {most >> 20:,} MiB of addresses in use",
        all(status in (200, 503) for status in during) and after == [200, 200] and most <= MOST,
    )


def ask(port, path):
    """The status, or what else happened. A 503 counts only if it says when to ask again."""
    try:
        answer = client.fetch(port, path)
    except (OSError, EOFError) as fault:
        return f"{type(fault).__name__}: {fault}"
    if answer.status == 503 and "retry-after" not in answer.fields:
        return "503 without Retry-After"
    return answer.status


def told(statuses):
    """The small file's, and that of what the crowd asked for."""
    small, same = statuses
    return f"{small} for a small file and {same} for what the crowd asked for"
