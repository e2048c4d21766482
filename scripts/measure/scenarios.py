"""The work that is measured, and the files it is done on."""

import random
from dataclasses import dataclass

from .handshakes import FULL, RESUMED

KIB = 1024
MIB = 1024 * 1024
MB = 1_000_000

SIZES = {
    "1k.bin": KIB,
    "100k.bin": 100 * KIB,
    "10m.bin": 10 * MIB,
    "64m.bin": 64 * MIB,
    "256m.bin": 256 * MIB,
    "1g.bin": 1024 * MIB,
}
TEXT = "text.txt"
TEXT_SIZE = 38_000
FOLDERS = {"list-1000": 1000, "list-100000": 100_000}

# Beyond it a figure is dominated by opening the connections, unless the run is longer.
MANY = 10_000
SECONDS_FOR_MANY = 3


@dataclass(frozen=True)
class Load:
    """One kind of request, repeated on a number of connections."""

    name: str
    title: str
    path: str
    connections: int
    headers: tuple = ()
    # Requests written at once.
    pipelined: int = 1
    # Asks with the validator of the answer before.
    revalidates: bool = False
    status: int = 200
    # Requests on each connection, instead of as many as fit into a time: for answers so long that
    # those cut off at the end of the time would count.
    each: int = 0
    # Over TLS.
    is_secure: bool = False
    # The kind of handshake that comes before every request; empty where it is not counted.
    handshake: str = ""
    # Left out of a quick run.
    is_extra: bool = False

    def file(self):
        """The name of the file that is asked for; None for a listing."""
        return None if self.path.endswith("/") else self.path.lstrip("/")

    def seconds(self, seconds):
        """How long one run takes."""
        return max(seconds, SECONDS_FOR_MANY) if self.connections >= MANY else seconds


LOADS = (
    Load("1k-c1", "1 KiB, c=1", "/1k.bin", 1, is_extra=True),
    Load("1k-c8", "1 KiB, c=8", "/1k.bin", 8, is_extra=True),
    Load("1k-c64", "1 KiB, c=64", "/1k.bin", 64),
    Load("1k-c256", "1 KiB, c=256", "/1k.bin", 256, is_extra=True),
    Load("1k-c1000", "1 KiB, c=1000", "/1k.bin", 1000, is_extra=True),
    Load("1k-c10000", "1 KiB, c=10000", "/1k.bin", MANY),
    Load("100k", "100 KiB, c=16", "/100k.bin", 16),
    Load("10m", "10 MiB, c=16", "/10m.bin", 16, each=5),
    Load("64m", "64 MiB, c=4", "/64m.bin", 4, each=4, is_extra=True),
    Load("256m", "256 MiB, c=4", "/256m.bin", 4, each=1, is_extra=True),
    Load("1g-c1", "1 GiB, c=1", "/1g.bin", 1, each=1, is_extra=True),
    Load("1g", "1 GiB, c=4", "/1g.bin", 4, each=1, is_extra=True),
    Load("gzip", "38 KB text, gzip, c=16", "/text.txt", 16, ("Accept-Encoding: gzip",)),
    Load("close", "1 KiB, `Connection: close`, c=16", "/1k.bin", 16, ("Connection: close",)),
    Load("pipeline", "1 KiB, 16 pipelined, c=16", "/1k.bin", 16, pipelined=16, is_extra=True),
    Load("304", "1 KiB, 304, c=16", "/1k.bin", 16, revalidates=True, status=304, is_extra=True),
    Load(
        "range",
        "range: 1,000 bytes of 100 KiB, c=16",
        "/100k.bin",
        16,
        ("Range: bytes=50000-50999",),
        status=206,
        is_extra=True,
    ),
    Load("list-1000", "listing of 1,000 files, c=4", "/list-1000/", 4, is_extra=True),
    Load("list-100000", "listing of 100,000 files, c=1", "/list-100000/", 1, each=3, is_extra=True),
    Load("tls-1k", "TLS, 1 KiB, c=64", "/1k.bin", 64, is_secure=True),
    Load("tls-10m", "TLS, 10 MiB, c=16", "/10m.bin", 16, each=5, is_secure=True),
    Load(
        "tls-full",
        "TLS, full handshake, 1 KiB, c=2",
        "/1k.bin",
        2,
        ("Connection: close",),
        is_secure=True,
        handshake=FULL,
    ),
    Load(
        "tls-resumed",
        "TLS, resumed session, 1 KiB, c=2",
        "/1k.bin",
        2,
        ("Connection: close",),
        is_secure=True,
        handshake=RESUMED,
    ),
)


@dataclass(frozen=True)
class Echo:
    """Messages of one length over WebSocket, each sent when the echo of the one before has come."""

    name: str
    title: str
    length: int
    connections: int
    # The client offers permessage-deflate, and its messages are text.
    is_compressed: bool = False
    # Left out of a quick run.
    is_extra: bool = False

    def unit(self):
        """What a cost is told of: short messages are counted, long ones are measured."""
        return "MB" if self.length > KIB else "message"

    def units(self):
        """How much a message is of that."""
        return self.length / MB if self.length > KIB else 1


ECHOES = (
    # The figures of one connection have two values, by whether both ends are on the same processor.
    Echo("ws-1k-c1", "WebSocket, 1 KiB, c=1", KIB, 1, is_extra=True),
    Echo("ws-1k-c64", "WebSocket, 1 KiB, c=64", KIB, 64),
    Echo("ws-64k", "WebSocket, 64 KiB, c=16", 64 * KIB, 16),
    Echo("ws-16m", "WebSocket, 16 MiB, c=4", 16 * MIB, 4),
    Echo("ws-deflate-1k", "WebSocket, deflate, 1 KiB, c=16", KIB, 16, is_compressed=True, is_extra=True),
    Echo("ws-deflate-64k", "WebSocket, deflate, 64 KiB, c=16", 64 * KIB, 16, is_compressed=True, is_extra=True),
)

# The load with which docroot is compared with itself, with and without options.
OPTIONS_LOAD = "1k-c64"

OPTIONS = "options"
IDLE = "idle"
IDLE_WEBSOCKETS = "ws-idle"
START = "start"
SIZE = "size"

NAMES = (*(load.name for load in LOADS + ECHOES), OPTIONS, IDLE, IDLE_WEBSOCKETS, START, SIZE)


def make_documents(root, wanted):
    """Writes the files that the scenarios `wanted` by name ask for; the same bytes in every run."""
    chance = random.Random(1)
    asked = {load.file() for load in LOADS if load.name in wanted}
    for name, size in SIZES.items():
        # The largest files are made only where they are asked for. The others may have other users.
        if name in asked or size <= 10 * MIB:
            write(root / name, size, chance)
    (root / TEXT).write_text(prose(chance, TEXT_SIZE))
    for name, count in FOLDERS.items():
        if name in wanted:
            fill(root / name, count)


def write(path, size, chance):
    """Makes a file of random bytes, a piece at a time."""
    with open(path, "wb") as file:
        for start in range(0, size, 10 * MIB):
            file.write(chance.randbytes(min(10 * MIB, size - start)))


def prose(chance, size):
    """Prose of made-up words, rare and frequent ones as in a language: it shrinks as such does."""
    syllables = ["ka", "ri", "no", "te", "sul", "men", "dor", "va", "li", "pra", "os", "eth"]
    words = ["".join(chance.choices(syllables, k=chance.randint(1, 4))) for _ in range(2000)]
    weights = [1 / rank for rank in range(1, len(words) + 1)]
    text = " ".join(chance.choices(words, weights, k=size // 3))
    lines = (text[start : start + 79] for start in range(0, size, 79))
    return "\n".join(lines)[:size]


def fill(folder, count):
    """Makes a folder of so many empty files."""
    folder.mkdir()
    for number in range(count):
        (folder / f"entry-{number:06}.txt").touch()


def expected(load, root):
    """The content that every server must send; None for a listing, which each words differently."""
    if load.file() is None:
        return None
    content = (root / load.file()).read_bytes()
    return {200: content, 206: content[50_000:51_000], 304: b""}[load.status]


def entries(load):
    """Names that must be in a listing: the first, the last and one in between."""
    count = FOLDERS[load.path.strip("/")]
    return [f"entry-{number:06}.txt".encode() for number in (0, count // 2, count - 1)]
