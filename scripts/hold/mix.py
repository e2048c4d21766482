"""Everything at once, for as long as somebody cares to wait."""

import random
import re
import socket
import statistics
import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass

from measure import client, machine, scenarios

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
# Private copies that a worker may keep.
COPIES = 16

# From this age on a file is known to have settled.
SETTLED = 4.0

SMALL, TEXT, LARGE = 1024, 200_000, 10 * 1024 * 1024
ENTRIES = 1000
# Of one request: first and last byte, the last of them as bytes from the end.
RANGES = ((0, 99), (5000, 5999), (LARGE - 10, LARGE - 1))
DEADLINES = ["--head-timeout", "5s", "--send-timeout", "5s", "--idle-timeout", "5s"]


def run(house, say):
    """The rows."""
    seen = load(house, NAME, say)
    return [*seen.rows(), few_copies(seen.copies, seen.workers)]


@dataclass(frozen=True)
class Seen:
    """What was seen of a server under this load."""

    minutes: float
    workers: int
    memory: list
    descriptors: list
    copies: list
    # Descriptors before and after the load, and whether all descriptors of the load were closed.
    before: int
    after: int
    has_settled: bool
    counts: Counter
    faults: list
    cut: int
    # What the server wrote to the standard error.
    said: str

    def rows(self):
        return [
            flat_memory(self.memory, self.minutes),
            flat_descriptors(self.descriptors, self.before, self.after, self.has_settled),
            answered(self.counts, self.faults, self.cut),
        ]


def load(house, name, say, *options, binary=None, each_look=lambda server: None):
    """Puts the load on a server with these options. Calls `each_look` with the server at each look."""
    root = house.root(name.replace(" ", "-"))
    contents = prepare(root)
    workers = machine.processors()
    with house.serving(root, "--threads", str(workers), *DEADLINES, *options, binary=binary) as server:
        warm(server.port, workers)
        time.sleep(0.2)
        before = server.tree.descriptors() - server.tree.copies()
        with ExitStack() as stack:
            askers = [stack.enter_context(Apart(ask, server.port, contents, number)) for number in range(ASKERS)]
            loafers = stack.enter_context(Apart(loaf, server.port))
            say(f"{name}: {house.minutes:g} minutes")
            memory, descriptors, copies = watch(server, house.minutes * 60, each_look)
            counts, faults = gathered(asker.finish() for asker in askers)
            cut = loafers.finish()
        settled = server.has_settled(before)
        copies.append(server.tree.copies())
        after = server.tree.descriptors() - copies[-1]
        said = server.complaints()
    return Seen(house.minutes, workers, memory, descriptors, copies, before, after, settled, counts, faults, cut, said)


def prepare(root):
    """The files; what each path must give."""
    chance = random.Random(5)
    contents = {
        "/small.txt": chance.randbytes(SMALL),
        "/text.txt": scenarios.prose(chance, TEXT).encode(),
        "/large.bin": chance.randbytes(LARGE),
    }
    contents |= {f"/file-{number:04}.txt": chance.randbytes(number) for number in range(ENTRIES)}
    for path, content in contents.items():
        (root / path[1:]).write_bytes(content)
    scenarios.fill(root / "list", ENTRIES)
    return contents


def warm(port, workers):
    """Has every worker copy the large file, which is part of what it keeps and not of its growth:
    a connection is given to the worker that has the fewest."""
    time.sleep(SETTLED)
    kept = [clients.connect(port) for _ in range(workers)]
    for _ in range(3):
        for connection in kept:
            clients.ask(connection, port, "/large.bin")
    for connection in kept:
        connection.close()


def watch(server, seconds, each_look):
    """Memory, descriptors and how many of those are copies, again and again."""
    memory, descriptors, copies = [], [], []
    end = time.monotonic() + seconds
    while time.monotonic() < end and server.tree.is_alive():
        time.sleep(LOOK)
        each_look(server)
        memory.append(server.tree.resident())
        copies.append(server.tree.copies())
        descriptors.append(server.tree.descriptors() - copies[-1])
    return memory, descriptors, copies


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
        f"descriptors, those of copies left aside, flat within {DESCRIPTORS}, and back at the end",
        f"{early:.0f}, then {late:.0f}; {before} before, {after} after",
        abs(late - early) <= DESCRIPTORS and settled and after == before,
    )


def few_copies(copies, workers):
    """The large file is copied, and copies do not pile up."""
    most = COPIES * workers
    return Row(
        NAME,
        f"private copies: some, and at most {COPIES} of each of {workers} workers",
        f"{min(copies)} to {max(copies)}, {copies[-1]} at the end",
        0 < copies[-1] and max(copies) <= most,
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

    def __init__(self, port, contents, chance):
        self.port = port
        self.contents = contents
        self.chance = chance
        self.kept = clients.connect(port)

    def expect(self, status, path, *headers, connection=None):
        """Asks, and compares the status."""
        answer = clients.ask(connection or self.kept, self.port, path, *headers)
        if answer.status != status:
            raise ValueError(f"{path}: {answer.status} with {len(answer.content)} bytes")
        return answer

    def expect_file(self, path, *headers, connection=None):
        """Asks for all of a file, and compares every byte."""
        answer = self.expect(200, path, *headers, connection=connection)
        if answer.content != self.contents[path]:
            raise ValueError(f"{path}: other bytes, {len(answer.content)} of them")
        return answer

    def expect_part(self, part, first, last):
        """Compares a part of the large file, which is told by its Content-Range."""
        told, content = part
        if told != f"bytes {first}-{last}/{LARGE}":
            raise ValueError(f"bytes {first} to {last}: Content-Range is {told}")
        if content != self.contents["/large.bin"][first : last + 1]:
            raise ValueError(f"bytes {first} to {last}: others, {len(content)} of them")

    def small(self):
        self.expect_file("/small.txt")

    def one_of_many(self):
        number = self.chance.randrange(ENTRIES)
        self.expect_file(f"/file-{number:04}.txt")

    def large(self):
        self.expect_file("/large.bin")

    def range(self):
        first = self.chance.randrange(LARGE - 5000)
        last = first + 4999
        answer = self.expect(206, "/large.bin", f"Range: bytes={first}-{last}")
        self.expect_part((answer.fields.get("content-range"), answer.content), first, last)

    def ranges(self):
        (a, b), (c, d), (e, _) = RANGES
        answer = self.expect(206, "/large.bin", f"Range: bytes={a}-{b},{c}-{d},-{LARGE - e}")
        found = parts(answer)
        if len(found) != len(RANGES):
            raise ValueError(f"{len(found)} parts where {len(RANGES)} were asked for")
        for part, (first, last) in zip(found, RANGES):
            self.expect_part(part, first, last)

    def coded(self):
        answer = self.expect_file("/text.txt", "Accept-Encoding: gzip")
        if answer.fields.get("content-encoding") != "gzip":
            raise ValueError("a text that is not coded")

    def listing(self):
        answer = self.expect(200, "/list/")
        names = sorted(set(re.findall(rb"entry-\d{6}\.txt", answer.content)))
        if names != [f"entry-{number:06}.txt".encode() for number in range(ENTRIES)]:
            raise ValueError(f"a listing with {len(names)} of its entries")

    def unchanged(self):
        tag = self.expect_file("/small.txt").fields["etag"]
        # Were there a content, the next answer would not parse.
        again = self.expect(304, "/small.txt", f"If-None-Match: {tag}").fields["etag"]
        if again != tag:
            raise ValueError(f"{tag} is confirmed as {again}")

    def absent(self):
        self.expect(404, "/absent.txt")

    def last(self):
        with clients.connect(self.port) as connection:
            self.expect_file("/small.txt", "Connection: close", connection=connection)
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


def parts(answer):
    """What an answer in several parts is made of: the Content-Range and the content of each."""
    boundary = re.search(r"boundary=(\w+)", answer.fields["content-type"]).group(1)
    delimiter = f"\r\n--{boundary}".encode()
    # The first delimiter may stand without the end of line that belongs to it.
    _, *found, rest = (b"\r\n" + answer.content).split(delimiter)
    if rest not in (b"--", b"--\r\n"):
        raise ValueError("parts without an end")
    return [part(one) for one in found]


def part(one):
    """The Content-Range and the content of one part."""
    head, _, content = one.partition(b"\r\n\r\n")
    told = re.search(r"^content-range: *(.*)$", head.decode().replace("\r", ""), re.MULTILINE | re.IGNORECASE)
    return told and told.group(1), content


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


def ask(stop, port, contents, number):
    """Requests of all kinds until told to stop: how many of each, and what was wrong."""
    asker = Asker(port, contents, random.Random(number))
    weights = [weight for _, _, weight in ACTIONS]
    counts = Counter()
    faults = []
    while not stop.is_set():
        name, action, _ = asker.chance.choices(ACTIONS, weights)[0]
        counts[name] += 1
        try:
            action(asker)
        except Exception as fault:  # Whatever an answer does to its client, it is a wrong one.
            faults.append(f"{name}: {type(fault).__name__} {fault}")
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
