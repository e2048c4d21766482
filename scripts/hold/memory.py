"""Clients that ask for much and read nothing: what the server holds for them is bounded, and is
given back when they leave."""

import base64
import contextlib
import os
import random
import resource
import socket
import subprocess
import threading
import time
from dataclasses import dataclass

from measure import client

from . import clients
from .house import Row

NAME = "memory"

CROWD = 2_000
# As many as the server admits, but for a few.
FLOOD = 16_000
# Each of these may hold a file too, and 20,000 descriptors are all that many machines allow. So many
# Referers are more than the budget.
FLOOD_WITH_FILES = 9_000
NEIGHBOUR = "127.0.0.9"
# As little as the kernels let a client take: the answers stay with the server.
SEGMENT = 1460
RECEIVE_BUFFER = 1024

MEGABYTE = 1_000_000
# The budget of the server, and what no budget knows: the stacks of threads and the allocator's slack.
MOST = 160 * MEGABYTE
LEFT = 4 * MEGABYTE
# Long queries are small blocks of the allocator. Each thread keeps a few free blocks of each size for the next
# ones, and those hold up what lies below them: 3 MB for each of two workers.
LEFT_OF_QUERIES = 8 * MEGABYTE
LEFT_PART = 0.10
GIVEN_BACK = 10.0

# Parts of heads are small blocks as well, and so is what the log needs of each request.
LEFT_OF_FLOOD = 40 * MEGABYTE
# How many clients ask between two looks at the memory.
SAMPLE = 500

FILE = 512 * 1024
NAMES = 512
MANY_NAMES = 100_000
LONGEST = 255


def run(house, say):
    """The rows."""
    rows = []
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for case in CASES:
        say(f"{NAME}: {case.what}")
        root = house.root(f"memory-{len(rows)}")
        with case.prepare(root) as path_of:
            rows += hold(house, root, case, path_of)
    return rows


class Files:
    """So many files of half a megabyte."""

    NAME = "{}.bin"

    def __init__(self, root):
        for number in range(CROWD):
            file = root / self.NAME.format(number)
            file.write_bytes(self.content(number))
            os.utime(file, (10**9, 10**9))

    def content(self, _):
        """Half a megabyte."""
        return os.urandom(64) * (FILE // 64)

    def __enter__(self):
        return lambda number: "/" + self.NAME.format(number)

    def __exit__(self, *_):
        pass


class OneFile:
    """A file of half a megabyte for all clients."""

    def __init__(self, root):
        file = root / "one.bin"
        file.write_bytes(b"x" * FILE)
        os.utime(file, (10**9, 10**9))

    def __enter__(self):
        return lambda _: "/one.bin"

    def __exit__(self, *_):
        pass


class Texts(Files):
    """The same as texts, which are compressed for each client while it reads."""

    NAME = "{}.txt"

    def content(self, number):
        """It compresses badly, so clients that read nothing stop the coders early."""
        return base64.b64encode(random.Random(number).randbytes(FILE // 4 * 3))


class Log:
    """One file whose time changes every 50 ms."""

    def __init__(self, root):
        self._file = root / "log.txt"
        self._file.write_bytes(b"x" * FILE)
        self._ends = threading.Event()
        self._writer = threading.Thread(target=self._write)

    def _write(self):
        while not self._ends.wait(0.05):
            os.utime(self._file)

    def __enter__(self):
        self._writer.start()
        return lambda _: "/log.txt"

    def __exit__(self, *_):
        self._ends.set()
        self._writer.join()


def listing(name_of, count, query_of=lambda _: ""):
    """A directory with names of a kind, and the address of its listing for each client."""

    class Listing:
        def __init__(self, root):
            for number in range(count):
                (root / name_of(number)).touch()

        def __enter__(self):
            return lambda number: "/" + query_of(number)

        def __exit__(self, *_):
            pass

    return Listing


def ordinary(number):
    """A name as cameras make them."""
    return f"IMG_{number:06}.jpeg"


def quotation_marks(number):
    """A name that is six times as long in a page."""
    return '"' * (LONGEST - 4) + f"{number:04}"


def longest(number):
    """As long as a name may be."""
    return f"{number:06}".ljust(LONGEST, "x")


@dataclass
class Case:
    """What is asked for, how it is made, and who asks."""

    what: str
    prepare: type
    clients: int = CROWD
    fields: tuple = ()
    left: int = LEFT
    # The blocks of coders come from the allocator of the process, which may keep them for the next
    # coders. So there the same crowd comes once more.
    is_coded: bool = False
    is_logged: bool = False


GZIP = ("Accept-Encoding: gzip",)
REFERER = ("Referer: http://a/" + "r" * 15_000,)
NO_BODY = (*REFERER, "Content-Length: 1")

CASES = (
    Case(f"{CROWD:,} different files of 512 KiB", Files),
    Case("a file of 512 KiB that keeps changing", Log),
    Case(f"a listing of {NAMES} ordinary names", listing(ordinary, NAMES)),
    Case(f"a listing of {NAMES} names of quotation marks", listing(quotation_marks, NAMES)),
    Case(
        f"a listing of {NAMES} names of quotation marks, a query of its own for each client",
        listing(quotation_marks, NAMES, lambda number: f"?q=%22&n={number}&q={'%22' * (1 + number % 250)}"),
        left=LEFT_OF_QUERIES,
    ),
    Case(f"{CROWD:,} different texts of 512 KiB with gzip", Texts, fields=GZIP, is_coded=True),
    Case(
        f"a listing of {NAMES} ordinary names with gzip",
        listing(ordinary, NAMES),
        fields=GZIP,
        is_coded=True,
    ),
    Case("a head of 15 KB whose body never comes", OneFile, FLOOD, NO_BODY, LEFT_OF_FLOOD, is_logged=True),
    Case("a file of 512 KiB with a Referer of 15 KB", OneFile, FLOOD_WITH_FILES, REFERER, LEFT_OF_FLOOD, is_logged=True),
    Case(f"a listing of {MANY_NAMES:,} names of {LONGEST} bytes", listing(longest, MANY_NAMES), clients=32),
)


def hold(house, root, case, path_of):
    """How much more is held while the clients do not read, and after they have left."""
    log = subprocess.DEVNULL if case.is_logged else None
    with house.serving(root, log=log) as server:
        client.fetch(server.port, "/nothing")
        rest = settled(server)
        rows = [held(server, rest, case, path_of, case.what)]
        begun = time.monotonic()
        allowed = rest * (1 + LEFT_PART) + case.left
        while (left := server.tree.resident()) > allowed and time.monotonic() - begun < GIVEN_BACK:
            time.sleep(0.1)
        took = time.monotonic() - begun
        if case.is_coded:
            rows.append(held(server, rest, case, path_of, f"{case.what}, once more"))
            return rows
        fresh = client.fetch(server.port, "/nothing").status
    rows.append(
        Row(
            NAME,
            f"{case.what}: given back within {GIVEN_BACK:.0f} s, but for {LEFT_PART:.0%} and "
            f"{case.left // MEGABYTE} MB",
            f"{left / MEGABYTE:.1f} MB after {took:.1f} s; then answered {fresh}",
            left <= allowed and fresh == 404,
        )
    )
    return rows


def held(server, rest, case, path_of, what):
    """How much more is held while so many clients do not read."""
    crowd, most = [], 0
    for number in range(case.clients):
        # A client that asks late would be closed.
        crowd.append(ask(server.port, path_of(number), case.fields))
        if number % SAMPLE == 0:
            most = max(most, server.tree.resident())
    most = max(most, settled(server, patience=30))
    descriptors = server.tree.descriptors()
    with clients.connect(server.port, source=NEIGHBOUR) as neighbour:
        status = clients.ask(neighbour, server.port, "/nothing").status
    for connection in crowd:
        connection.close()
    return Row(
        NAME,
        f"{what}, {case.clients:,} clients that read nothing: at most {MOST / MEGABYTE:.0f} MB more than at rest, "
        "and another client is served",
        f"{(most - rest) / MEGABYTE:.1f} MB more than {rest / MEGABYTE:.1f}; {descriptors:,} descriptors; "
        f"answered {status}",
        most - rest <= MOST and status == 404,
    )


def ask(port, path, fields):
    """A client that asks and reads nothing."""
    connection = socket.socket()
    connection.settimeout(client.PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    connection.connect(("127.0.0.1", port))
    # A server that is short of memory may have closed the connection.
    with contextlib.suppress(ConnectionError):
        connection.sendall(client.request(port, path, fields))
    return connection


def settled(server, patience=5.0):
    """The resident memory once it no longer grows."""
    deadline = time.monotonic() + patience
    most = server.tree.resident()
    steady = 0
    while steady < 10 and time.monotonic() < deadline:
        time.sleep(0.1)
        now = server.tree.resident()
        steady = steady + 1 if now <= most * 1.005 else 0
        most = max(most, now)
    return most
