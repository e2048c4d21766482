"""Everything at once, for as long as somebody cares to wait."""

import random
import socket
import statistics
import time
from collections import Counter
from contextlib import ExitStack

from measure import client, scenarios

from . import clients
from .apart import Apart
from .house import Row

NAME = "mixed load"

ASKERS = 2
PAUSE = 0.001
# Slow clients of each of two kinds.
LOAFERS = 20
# How often memory and descriptors are looked at.
LOOK = 0.5
PARTS = 10

# How far the last tenth may lie above the second.
PART = 0.03
MB = 1_000_000
DESCRIPTORS = 10

SMALL, TEXT, LARGE = 1024, 200_000, 10 * 1024 * 1024
ENTRIES = 1000
DEADLINES = ["--head-timeout", "5s", "--send-timeout", "5s", "--idle-timeout", "5s"]


def run(house, say):
    """The rows."""
    root = house.root("mix")
    prepare(root)
    with house.serving(root, *DEADLINES) as server:
        client.fetch(server.port, "/small.txt")
        time.sleep(0.2)
        before = server.tree.descriptors()
        with ExitStack() as stack:
            askers = [stack.enter_context(Apart(ask, server.port, number)) for number in range(ASKERS)]
            loafers = stack.enter_context(Apart(loaf, server.port))
            say(f"{NAME}: {house.minutes:g} minutes")
            memory, descriptors = watch(server, house.minutes * 60)
            counts, faults = gathered(asker.finish() for asker in askers)
            cut = loafers.finish()
        settled = server.has_settled(before)
        after = server.tree.descriptors()
    return [
        flat_memory(memory, house.minutes),
        flat_descriptors(descriptors, before, after, settled),
        answered(counts, faults, cut),
    ]


def prepare(root):
    chance = random.Random(5)
    (root / "small.txt").write_bytes(b"x" * SMALL)
    (root / "text.txt").write_text(scenarios.prose(chance, TEXT))
    (root / "large.bin").write_bytes(chance.randbytes(LARGE))
    for number in range(ENTRIES):
        (root / f"file-{number:04}.txt").write_bytes(b"x" * number)
    scenarios.fill(root / "list", ENTRIES)


def watch(server, seconds):
    """Memory and descriptors, again and again."""
    memory, descriptors = [], []
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.tree.is_alive():
        time.sleep(LOOK)
        memory.append(server.tree.resident())
        descriptors.append(server.tree.descriptors())
    return memory, descriptors


def tenth(values, number):
    """The median of one tenth of a run."""
    size = len(values) // PARTS
    return statistics.median(values[(number - 1) * size : number * size])


def flat_memory(memory, minutes):
    early, late = tenth(memory, 2), tenth(memory, PARTS)
    return Row(
        NAME,
        f"memory flat over {minutes:g} minutes: the last tenth at most {PART:.0%} + 1 MB above the second",
        f"{early / MB:.1f} MB, then {late / MB:.1f} MB; the most {max(memory) / MB:.1f} MB",
        late <= early * (1 + PART) + MB,
    )


def flat_descriptors(descriptors, before, after, settled):
    early, late = tenth(descriptors, 2), tenth(descriptors, PARTS)
    return Row(
        NAME,
        f"descriptors flat within {DESCRIPTORS}, and back at the end",
        f"{early:.0f}, then {late:.0f}; {before} before, {after} after",
        abs(late - early) <= DESCRIPTORS and settled and after == before,
    )


def gathered(results):
    counts, faults = Counter(), []
    for of_one, wrong in results:
        counts += of_one
        faults += wrong
    return counts, faults


def answered(counts, faults, cut):
    total = sum(counts.values())
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items()))
    return Row(
        NAME,
        "every answer right",
        f"{total:,} requests: {kinds}; {cut:,} slow clients cut; "
        f"{len(faults)} faults{f' ({faults[0]})' if faults else ''}",
        not faults and cut > 0 and set(counts) == {name for name, _, _ in ACTIONS},
    )


class Asker:
    """A client with a connection that it keeps."""

    def __init__(self, port, chance):
        self.port = port
        self.chance = chance
        self.kept = clients.connect(port)

    def expect(self, status, length, path, *headers, connection=None):
        """Asks, and compares."""
        answer = clients.ask(connection or self.kept, self.port, path, *headers)
        if answer.status != status or length not in (None, len(answer.content)):
            raise ValueError(f"{path}: {answer.status} with {len(answer.content)} bytes")
        return answer

    def small(self):
        self.expect(200, SMALL, "/small.txt")

    def one_of_many(self):
        number = self.chance.randrange(ENTRIES)
        self.expect(200, number, f"/file-{number:04}.txt")

    def large(self):
        self.expect(200, LARGE, "/large.bin")

    def range(self):
        start = self.chance.randrange(LARGE - 5000)
        self.expect(206, 5000, "/large.bin", f"Range: bytes={start}-{start + 4999}")

    def ranges(self):
        self.expect(206, None, "/large.bin", "Range: bytes=0-99,5000-5999,-10")

    def coded(self):
        self.expect(200, TEXT, "/text.txt", "Accept-Encoding: gzip")

    def listing(self):
        answer = self.expect(200, None, "/list/")
        if b"entry-000999.txt" not in answer.content:
            raise ValueError("a listing without its last entry")

    def unchanged(self):
        tag = self.expect(200, SMALL, "/small.txt").fields["etag"]
        self.expect(304, 0, "/small.txt", f"If-None-Match: {tag}")

    def absent(self):
        self.expect(404, None, "/absent.txt")

    def last(self):
        with clients.connect(self.port) as connection:
            self.expect(200, SMALL, "/small.txt", "Connection: close", connection=connection)
            if connection.recv(1):
                raise ValueError("more after the last answer")

    def vanish(self):
        connection = clients.connect(self.port)
        connection.sendall(client.request(self.port, self.chance.choice(["/large.bin", "/list/", "/text.txt"])))
        if self.chance.random() < 0.5:
            connection.recv(1000)
        if self.chance.random() < 0.5:
            clients.reset(connection)
        else:
            connection.close()


# The name, the method, and how often in proportion.
ACTIONS = (
    ("small", Asker.small, 40),
    ("of a thousand files", Asker.one_of_many, 10),
    ("large", Asker.large, 2),
    ("ranges", Asker.range, 8),
    ("several ranges", Asker.ranges, 3),
    ("gzip", Asker.coded, 5),
    ("listings", Asker.listing, 3),
    ("304", Asker.unchanged, 8),
    ("404", Asker.absent, 3),
    ("Connection: close", Asker.last, 10),
    ("vanished", Asker.vanish, 8),
)


def ask(stop, port, number):
    """Requests of all kinds until told to stop: how many of each, and what was wrong."""
    asker = Asker(port, random.Random(number))
    weights = [weight for _, _, weight in ACTIONS]
    counts = Counter()
    faults = []
    while not stop.is_set():
        name, action, _ = asker.chance.choices(ACTIONS, weights)[0]
        counts[name] += 1
        try:
            action(asker)
        except (OSError, EOFError, ValueError) as fault:
            faults.append(f"{name}: {fault}")
            asker.kept.close()
            asker.kept = clients.connect(port)
        time.sleep(PAUSE)
    return counts, faults


def loaf(stop, port):
    """Slow clients: some send half a head, some hardly read. Whoever is cut comes again; how often
    that was."""
    cut = 0
    waiting = {"head": [], "answer": []}
    while not stop.is_set():
        for kind, connections in waiting.items():
            left = [connection for connection in connections if not has_been_cut(connection, kind)]
            cut += len(connections) - len(left)
            left += [loafer(port, kind) for _ in range(LOAFERS - len(left))]
            waiting[kind] = left
        time.sleep(0.25)
    for connections in waiting.values():
        for connection in connections:
            connection.close()
    return cut


def loafer(port, kind):
    """A client that is slow with its head, or with the answer to it."""
    connection = clients.connect(port, narrow=True)
    request = client.request(port, "/large.bin")
    connection.sendall(request if kind == "answer" else request[:20])
    connection.setblocking(False)
    return connection


def has_been_cut(connection, kind):
    """Reads a little, or whatever there is; whether there is nobody at the other end any more."""
    try:
        # What came before a reset can still be read, for long if slowly: the reset is looked for.
        if connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
            connection.close()
            return True
        some = connection.recv(100 if kind == "answer" else 1 << 16)
    except BlockingIOError:
        return False
    except OSError:
        some = b""
    if some and kind == "answer":
        return False
    connection.close()
    return True
