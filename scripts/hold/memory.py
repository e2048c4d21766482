"""Clients that ask for much and read nothing: what the server holds for them is bounded, and is
given back when they leave."""

import base64
import os
import random
import socket
import threading
import time

from measure import client

from .house import Row

NAME = "memory"

CROWD = 2_000
# As little as the kernels let a client take: the answers stay with the server.
SEGMENT = 1460
RECEIVE_BUFFER = 1024

MEGABYTE = 1_000_000
# The budget of the server, and what no budget knows: the stacks of threads and the allocator's slack.
MOST = 160 * MEGABYTE
LEFT = 4 * MEGABYTE
LEFT_PART = 0.10
GIVEN_BACK = 10.0

FILE = 512 * 1024
NAMES = 512
MANY_NAMES = 100_000
LONGEST = 255


def run(house, say):
    """The rows."""
    rows = []
    for what, prepare, count, *fields in CASES:
        say(f"{NAME}: {what}")
        root = house.root(f"memory-{len(rows)}")
        with prepare(root) as path_of:
            rows += hold(house, root, what, path_of, count, fields)
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


# What, how it is made, how many clients, and fields of their requests. The blocks of coders come from
# the allocator of the process, which may keep them for the next coders, so nothing is promised of when
# they go back to the system.
CASES = (
    (f"{CROWD:,} different files of 512 KiB", Files, CROWD),
    ("a file of 512 KiB that keeps changing", Log, CROWD),
    (f"a listing of {NAMES} ordinary names", listing(ordinary, NAMES), CROWD),
    (f"a listing of {NAMES} names of quotation marks", listing(quotation_marks, NAMES), CROWD),
    (
        f"a listing of {NAMES} names of quotation marks, a query of its own for each client",
        listing(quotation_marks, NAMES, lambda number: f"?q=%22&n={number}&q={'%22' * (1 + number % 250)}"),
        CROWD,
    ),
    (f"{CROWD:,} different texts of 512 KiB with gzip", Texts, CROWD, "Accept-Encoding: gzip"),
    (
        f"a listing of {NAMES} ordinary names with gzip",
        listing(ordinary, NAMES),
        CROWD,
        "Accept-Encoding: gzip",
    ),
    (f"a listing of {MANY_NAMES:,} names of {LONGEST} bytes", listing(longest, MANY_NAMES), 32),
)


def hold(house, root, what, path_of, count, fields):
    """How much more is held while the clients do not read, and after they have left."""
    with house.serving(root) as server:
        client.fetch(server.port, "/nothing")
        rest = settled(server)
        rows = [held(server, rest, what, path_of, count, fields)]
        begun = time.monotonic()
        allowed = rest * (1 + LEFT_PART) + LEFT
        while (left := server.tree.resident()) > allowed and time.monotonic() - begun < GIVEN_BACK:
            time.sleep(0.1)
        took = time.monotonic() - begun
        if fields:
            rows.append(held(server, rest, f"{what}, once more", path_of, count, fields))
            return rows
        fresh = client.fetch(server.port, "/nothing").status
    rows.append(
        Row(
            NAME,
            f"{what}: given back within {GIVEN_BACK:.0f} s, but for {LEFT_PART:.0%} and {LEFT // MEGABYTE} MB",
            f"{left / MEGABYTE:.1f} MB after {took:.1f} s; then answered {fresh}",
            left <= allowed and fresh == 404,
        )
    )
    return rows


def held(server, rest, what, path_of, count, fields):
    """How much more is held while so many clients do not read."""
    crowd = [ask(server.port, path_of(number), fields) for number in range(count)]
    most = settled(server, patience=30)
    descriptors = server.tree.descriptors()
    for connection in crowd:
        connection.close()
    return Row(
        NAME,
        f"{what}, {count:,} clients that read nothing: at most {MOST / MEGABYTE:.0f} MB more than at rest",
        f"{(most - rest) / MEGABYTE:.1f} MB more than {rest / MEGABYTE:.1f}; {descriptors:,} descriptors",
        most - rest <= MOST,
    )


def ask(port, path, fields):
    """A client that asks and reads nothing."""
    connection = socket.socket()
    connection.settimeout(client.PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
    connection.connect(("127.0.0.1", port))
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
