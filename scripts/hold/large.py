"""Large work in parallel, and what small requests feel of it."""

import http.client
import random
import time
import zlib

from measure import client, scenarios

from . import clients
from .apart import Apart
from .house import Row

NAME = "big work"

ENTRIES = 100_000
TEXT = 1 << 30
SPARSE = 10 << 30
PIECE = 1 << 20

P99 = 0.020
# How long the work may take on a slow machine.
PATIENCE = 150.0


def run(house, say):
    """The rows."""
    say(f"{NAME}: preparing")
    root = house.root("large")
    prepare(root)
    rows = []
    with house.serving(root) as server:
        client.fetch(server.port, "/small.txt")
        # The first time the kernel must find memory for 10 GiB of the sparse file, the second time
        # it has them, where the machine has as much.
        for what in ("at first", "again"):
            say(f"{NAME}: a listing, a coding and a download at once, {what}")
            rows += at_once(server, what)
    return rows


def at_once(server, what):
    """The large work, and a well-behaved client beside it. The clients of the large work stand for
    other machines: where there is not enough processor for all, they are the ones that wait."""
    with (
        Apart(clients.probe, server.port, "/small.txt", 1024) as probe,
        Apart(listing, server.port, nice=10) as lister,
        Apart(coded, server.port, nice=10) as coder,
        Apart(sparse, server.port, nice=10) as downloader,
    ):
        # What counts is the time in which nothing of it has ended yet.
        end = time.monotonic() + PATIENCE
        while not coder.is_done() and not downloader.is_done() and time.monotonic() < end:
            time.sleep(0.05)
        times, faults = probe.finish()
        done = {"gzip": coder.result(PATIENCE), "download": downloader.result(PATIENCE)}
        done["listings"] = lister.finish()
    return [
        clients.neighbour(NAME, f"{what}: small requests'", P99, times, faults),
        complete(what, done),
    ]


def prepare(root):
    """The files; the large text is the same megabyte again and again, which costs as much to code."""
    (root / "small.txt").write_bytes(b"x" * 1024)
    text = scenarios.prose(random.Random(1), PIECE).encode()
    with open(root / "large.txt", "wb") as file:
        for _ in range(TEXT // PIECE):
            file.write(text)
    with open(root / "sparse.bin", "wb") as file:
        file.truncate(SPARSE)
    scenarios.fill(root / "many", ENTRIES)


def complete(what, done):
    """Whether the large work was done, and to its end."""
    coded_bytes, coded_time = done["gzip"]
    length, zeros, sparse_time = done["download"]
    whole, broken = done["listings"]
    return Row(
        NAME,
        f"{what}: listings of {ENTRIES:,}, gzip of 1 GiB and a download of 10 GiB arrive whole",
        f"{coded_bytes:,} bytes decoded in {coded_time:.0f} s, {zeros:,} zeros of {length:,} in {sparse_time:.0f} s, "
        f"{whole} listings, {broken} broken",
        coded_bytes == TEXT and zeros == length == SPARSE and whole > 0 == broken,
    )


def listing(stop, port):
    """Listings, one after the other; how many were whole, how many not."""
    whole = broken = 0
    names = [f"entry-{number:06}.txt".encode() for number in (0, ENTRIES // 2, ENTRIES - 1)]
    while not stop.is_set():
        answer = client.fetch(port, "/many/")
        if answer.status == 200 and all(name in answer.content for name in names):
            whole += 1
        else:
            broken += 1
    return whole, broken


def coded(_, port):
    """The large text with gzip: bytes after decoding, whose checksum was right, and seconds."""
    begun = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=client.PATIENCE)
    connection.request("GET", "/large.txt", headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    if answer.status != 200 or answer.getheader("Content-Encoding") != "gzip":
        raise RuntimeError(f"{answer.status}, coding {answer.getheader('Content-Encoding')}")
    decoder = zlib.decompressobj(16 + zlib.MAX_WBITS)
    length = 0
    while some := answer.read(PIECE):
        length += len(decoder.decompress(some))
    connection.close()
    if not decoder.eof:
        raise RuntimeError("the coded text ends early")
    return length, time.monotonic() - begun


def sparse(_, port):
    """The sparse file: its length as the head tells it, bytes in pieces that are zeros throughout,
    and seconds."""
    begun = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=client.PATIENCE)
    connection.request("GET", "/sparse.bin")
    answer = connection.getresponse()
    if answer.status != 200:
        raise RuntimeError(f"status {answer.status}")
    length = int(answer.getheader("Content-Length", 0))
    blank = bytes(PIECE)
    piece = memoryview(bytearray(PIECE))
    zeros = 0
    while count := answer.readinto(piece):
        # The quickest way to compare without a copy.
        zeros += count * blank.startswith(piece[:count])
    connection.close()
    return length, zeros, time.monotonic() - begun
