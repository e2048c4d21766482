"""Large files that change under downloads. Most of such a file leaves by `sendfile`, which sends the pages
of the file itself, so a write can reach a client that reads late."""

import ctypes
import os
import random
import re
import socket
import subprocess
import time
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .apart import Apart
from .house import Row

NAME = "large files under change"

MIB = 1 << 20
PAGE = 4096
# A file that is written over, a larger one, and one that grows like a log. docroot does not promise to
# notice if a file has grown and its middle was rewritten as well during one download, so no file is both.
SIZES = {"a": 128 * MIB, "b": 512 * MIB, "log": 128 * MIB}
REWRITTEN = ("middle", "overwrite", "replace", "truncate")
KINDS = {"a": REWRITTEN, "b": REWRITTEN, "log": ("append", "replace")}
OFTEN = {"a": 4, "b": 1, "log": 2}
CLIENTS = 4

# How many downloads there are of each file as a whole, and of ranges, over loopback and between two network
# namespaces.
WHOLE = {"a": 200, "b": 20, "log": 100}
RANGES = 720
# Of ranges that are longer than what is copied.
SHORTEST, LONGEST = 44, 72

# The control, in which the server is told that the queues hold little, so that it copies too little.
CONTROL = {"a": 300}
SMALL = {"ipv4/tcp_rmem": "4096 4096 4096", "ipv4/tcp_wmem": "4096 4096 4096", "core/rmem_max": "4096"}

# How long the writer rests between two changes, and how long a reader stops.
REST = (0.2, 1.2)
HALT = (0.02, 0.3)
# A reader may stop this close before the end, where a page that is still in a queue would show a write.
LATE = 40
PATIENCE = 900.0
TIMEOUT = 60.0

CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Reading:
    """What a reader tells: what became of its downloads, and what came whole: the name, the first byte and
    the content in runs."""

    outcomes: Counter
    seen: set


def run(house, say):
    """The rows."""
    root = house.root("pages")
    for number, (name, size) in enumerate(SIZES.items()):
        fill(root / name, size, stamp(number))
    rows = [by_loopback(house, root, say)]
    if os.geteuid() == 0:
        rows += [between_namespaces(house, root, say), with_too_little_copied(house, root, say)]
    else:
        say(f"{NAME}: only root can make network namespaces")
    return rows


def by_loopback(house, root, say):
    say(f"{NAME}: over loopback")
    with house.serving(root) as server:
        return judge("over loopback", *downloaded(root, "127.0.0.1", server.port, None, WHOLE, RANGES))


def between_namespaces(house, root, say):
    say(f"{NAME}: between two network namespaces")
    with namespaces() as (of_server, of_client, address):
        with house.serving(root, within=["ip", "netns", "exec", of_server], at=address) as server:
            found = downloaded(root, address, server.port, of_client, WHOLE, RANGES)
    return judge("between two network namespaces", *found)


def with_too_little_copied(house, root, say):
    """Shows that the other rows would notice a mix."""
    say(f"{NAME}: with too little copied")
    with house.serving(root, within=told_of_small_queues(house)) as server:
        outcomes, mixed, _ = downloaded(root, "127.0.0.1", server.port, None, CONTROL, 0)
    return Row(
        NAME,
        "control: a server that is told of queues of 4 KiB copies too little, so mixes are seen",
        f"{mixed} of {outcomes['whole']} mixed",
        mixed > 0,
    )


def told_of_small_queues(house):
    """A command that shows other limits to the command behind it."""
    mounts = []
    for name, text in SMALL.items():
        told = house.folder / name.replace("/", "-")
        told.write_text(text)
        mounts.append(f"mount --bind {told} /proc/sys/net/{name}")
    return ["unshare", "--mount", "sh", "-c", " && ".join(mounts) + ' && exec "$@"', "sh"]


@contextmanager
def namespaces():
    """Two network namespaces with a link between them, until the end of the block; their names, and the
    address of the first."""
    names = [f"docroot-{os.getpid()}-{side}" for side in ("server", "client")]
    links = [f"dr{os.getpid()}{side}" for side in "sc"]
    try:
        for name in names:
            ip("netns", "add", name)
        ip("link", "add", links[0], "netns", names[0], "type", "veth", "peer", "name", links[1], "netns", names[1])
        for number, (name, link) in enumerate(zip(names, links)):
            ip("-n", name, "address", "add", f"192.0.2.{number + 1}/24", "dev", link)
            ip("-n", name, "link", "set", link, "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield *names, "192.0.2.1"
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], stderr=subprocess.DEVNULL)


def ip(*words):
    subprocess.run(["ip", *words], check=True)


def enter(namespace):
    """Makes new sockets of this process belong to a network namespace."""
    with open(f"/run/netns/{namespace}") as opened:
        if ctypes.CDLL(None, use_errno=True).setns(opened.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "setns")


def downloaded(root, address, port, namespace, whole, ranges):
    """Downloads while the files change: what became of them, how many were mixed, and the changes."""
    with Apart(write, root) as writer:
        readers = [Apart(read, address, port, namespace, number, whole, ranges) for number in range(CLIENTS)]
        try:
            readings = [reader.result(PATIENCE) for reader in readers]
        finally:
            for reader in readers:
                reader.__exit__()
        changes, states = writer.finish()
    outcomes = sum((reading.outcomes for reading in readings), Counter())
    by_range = {}
    mixed = 0
    for reading in readings:
        for name, first, length, runs in reading.seen:
            key = (name, first, length)
            if key not in by_range:
                by_range[key] = {part(state, first, length) for state in states[name]}
            mixed += runs not in by_range[key]
    return outcomes, mixed, changes


def judge(where, outcomes, mixed, changes):
    asked = sum(WHOLE.values()) + RANGES
    measured = (
        f"{outcomes['whole']:,} whole, {outcomes['cut']:,} cut, {outcomes['503']:,} times 503, "
        f"{sum(outcomes.values()) - outcomes['whole'] - outcomes['cut'] - outcomes['503']} others; {mixed} mixed; "
        + ", ".join(f"{count:,} × {kind}" for kind, count in sorted(changes.items()))
    )
    must = f"{where}, {asked:,} downloads of 128 and 512 MiB and of long ranges: each one content, or cut"
    is_fair = outcomes["whole"] > asked / 4 and set(changes) == {kind for kinds in KINDS.values() for kind in kinds}
    known = outcomes["whole"] + outcomes["cut"] + outcomes["503"] == sum(outcomes.values()) == asked
    return Row(NAME, must, measured, is_fair and known and mixed == 0)


# The content of a file is pages, each of which repeats the eight bytes of the write that it is from.


def stamp(number):
    return b"%08d" % number


def fill(path, size, text):
    with open(path, "wb", buffering=0) as file:
        for _ in range(size // MIB):
            file.write(text * (MIB // 8))


def part(runs, first, length):
    """What a range holds of a content: runs of `(end, stamp)`, counted from the range."""
    cut, begin = [], 0
    for end, text in runs:
        low, high = max(begin, first), min(end, first + length)
        if low < high:
            cut.append((high - first, text))
        begin = end
    return tuple(cut)


def written(runs, first, length, text):
    """The runs after a write."""
    size = max(runs[-1][0] if runs else 0, first + length)
    pieces, begin = [], 0
    for end, old in runs:
        if begin < first:
            pieces.append((min(end, first), old))
        begin = end
    pieces.append((first + length, text))
    pieces += [(end, old) for end, old in runs if end > first + length]
    merged = []
    for end, old in pieces:
        if merged and merged[-1][1] == old:
            merged.pop()
        merged.append((end, old))
    assert merged[-1][0] == size
    return tuple(merged)


class Writer:
    """Changes files, and records every content that they have had."""

    def __init__(self, root):
        self.chance = random.Random(7)
        self.changes = Counter()
        self.numbers = iter(range(100, 10**8))
        self.runs = {name: self._read(root / name) for name in SIZES}
        self.states = {name: {runs} for name, runs in self.runs.items()}
        self._root = root

    @staticmethod
    def _read(path):
        """The runs of a file as an earlier writer has left it."""
        runs = Runs()
        with open(path, "rb") as file:
            while data := file.read(MIB):
                runs.add(data)
        return runs.done()

    def change(self):
        name = self.chance.choices(list(OFTEN), list(OFTEN.values()))[0]
        kind = self.chance.choice(KINDS[name])
        runs, size, text = self.runs[name], self.runs[name][-1][0], stamp(next(self.numbers))
        if kind == "truncate" and size < SIZES[name] or kind == "append" and size >= SIZES[name] + 8 * MIB:
            kind = "replace"
        first, length = {
            "append": (size, MIB),
            "middle": (self.chance.randrange(size // MIB) * MIB, MIB),
            "overwrite": (0, size),
            "replace": (0, SIZES[name]),
            "truncate": (0, SIZES[name] - 2 * MIB),
        }[kind]
        if kind == "truncate":
            runs = part(runs, 0, length)
        else:
            runs = written(runs if kind != "replace" else (), first, length, text)
        # What is about to be seen is noted before anybody can see it.
        self.runs[name] = runs
        self.states[name].add(runs)
        path = self._root / name
        if kind == "truncate":
            os.truncate(path, length)
        elif kind == "replace":
            fill(self._root / "new", length, text)
            (self._root / "new").rename(path)
        else:
            with open(path, "r+b", buffering=0) as file:
                file.seek(first)
                for _ in range(length // MIB):
                    file.write(text * (MIB // 8))
        self.changes[kind] += 1


def write(stop, root):
    """Changes files until told to stop, and records every content that they have had."""
    writer = Writer(root)
    while not stop.is_set():
        writer.change()
        time.sleep(writer.chance.uniform(*REST))
    return writer.changes, writer.states


class Runs:
    """Finds the runs of a content that comes in pieces of whole pages."""

    def __init__(self):
        self._runs = []
        self._end = 0

    def add(self, data):
        last = self._runs[-1][1] if self._runs else None
        # Most often it goes on as before.
        if last and data == last * (len(data) // 8):
            self._end += len(data)
            self._runs[-1] = (self._end, last)
            return
        for at in range(0, len(data), PAGE):
            page = data[at : at + PAGE]
            text = page[:8] if page == page[:8] * (len(page) // 8) else b"torn"
            self._end += len(page)
            if self._runs and self._runs[-1][1] == text:
                self._runs.pop()
            self._runs.append((self._end, text))

    def done(self):
        return tuple(self._runs)


def read(_, address, port, namespace, number, whole, ranges):
    """Downloads; what became of them."""
    if namespace:
        enter(namespace)
    chance = random.Random(number)
    reading = Reading(Counter(), set())
    names = [name for name, count in whole.items() for _ in range(count // CLIENTS)]
    wanted = [(name, None) for name in names]
    for _ in range(ranges // CLIENTS):
        name, length = chance.choice(("a", "log")), chance.randint(SHORTEST, LONGEST) * MIB
        wanted.append((name, (chance.randrange((SIZES[name] - length) // MIB) * MIB, length)))
    chance.shuffle(wanted)
    for name, part_of_it in wanted:
        reading.outcomes[download(address, port, name, part_of_it, chance, reading.seen)] += 1
    return reading


def download(address, port, name, wanted, chance, seen):
    """One answer on a connection of its own; what became of it."""
    with socket.socket() as connection:
        # Either the kernel finds how much the client may keep, or it is the most that one may ask for.
        if chance.random() < 0.5:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 30)
        connection.settimeout(TIMEOUT)
        connection.connect((address, port))
        field = f"Range: bytes={wanted[0]}-{wanted[0] + wanted[1] - 1}\r\n" if wanted else ""
        connection.sendall(f"GET /{name} HTTP/1.1\r\nHost: {address}\r\n{field}\r\n".encode())
        head = bytearray()
        while b"\r\n\r\n" not in head:
            byte = bytearray(1)
            if not fully(connection, memoryview(byte)):
                return "cut"
            head += byte
        status = head[9:12].decode()
        length = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        if status not in ("200", "206"):
            return status
        halts = {chance.randrange(length // MIB), length // MIB - chance.randrange(1, LATE)}
        runs = Runs()
        buffer = bytearray(MIB)
        for at in range((length + MIB - 1) // MIB):
            if at in halts:
                time.sleep(chance.uniform(*HALT))
            piece = min(MIB, length - at * MIB)
            if not fully(connection, memoryview(buffer)[:piece]):
                return "cut"
            runs.add(bytes(memoryview(buffer)[:piece]))
    seen.add((name, wanted[0] if wanted else 0, length, runs.done()))
    return "whole"


def fully(connection, view):
    """Fills the view; whether all of it came."""
    try:
        while view:
            count = connection.recv_into(view)
            if count == 0:
                return False
            view = view[count:]
    except ConnectionResetError:
        return False
    return True
