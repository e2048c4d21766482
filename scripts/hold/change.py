"""Files that change under downloads: an answer is one representation, whole, or visibly cut."""

import gzip
import hashlib
import random
import time
import zlib
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass

from measure import client

from . import clients
from .apart import Apart
from .house import Row

NAME = "files under change"

DOWNLOADS = 10_000
CLIENTS = 4
# Of small files, of such that are kept coded, and of such that are read from disk as they leave.
SIZES = {"a.txt": 4096, "b.txt": 36 * 1024, "c.bin": 300 * 1024, "d.bin": 3 * 1024 * 1024}
WEIGHTS = {"a.txt": 3, "b.txt": 3, "c.bin": 2, "d.bin": 2}

# The others change too often to be copied. This one rests in between, so that it leaves by
# `sendfile` from a private copy, once it is so old and asked for again: by each reader so often.
RESTING = "e.bin"
SIZES[RESTING] = 3 * 1024 * 1024
WEIGHTS[RESTING] = 2
REST = 6.0
SETTLED = 4.0
ASKED = 3
RESTS = 3
# How long a run lasts at least, so that there are so many rests.
SECONDS = RESTS * REST + 2

# Until then the copies of a state that has passed must be gone, and the first of the next are not
# made before the second time.
GONE, NEXT = 1.0, 2.0
# A turn of the server's loop looks at a file once, and answers what has come meanwhile by that.
TURN = 0.1
# How often copies are looked for.
LOOK = 0.1
PATIENCE = 150.0

# The kernel shows a write that stays within a page whole or not at all.
PAGE = 4096
PAUSE = 0.002
# A reader that stops in the middle, so that the file changes under it.
HALT = 0.030

CHANGES = 1_000

# Apart from the others what changes a file in place, that is to say under a server that has its
# pages on the way.
KINDS = (("append", "replace", "delete"), ("append", "replace", "delete", "truncate"))


def run(house, say):
    """The rows."""
    return [row for kinds in KINDS for row in downloaded(house, kinds, say)]


@dataclass(frozen=True)
class Rest:
    """A state of the file that rests: from before the change that made it until after the next."""

    content: bytes
    begun: float
    ended: float = float("inf")


@dataclass(frozen=True)
class Reading:
    """What a reader tells."""

    outcomes: Counter
    seen: set  # name and tag, with the content that came
    visits: list  # of the file that rests: when it was asked for, when it had come, the content
    cuts: list
    faults: list


def downloaded(house, kinds, say):
    """Downloads while files change in these ways."""
    root = house.root(f"change-{len(kinds)}")
    begun = time.monotonic()
    for name, size in SIZES.items():
        (root / name).write_bytes(b"0" * size)
    with house.serving(root) as server:
        with Apart(write, root, kinds, begun) as writer:
            say(f"{NAME}: {DOWNLOADS:,} downloads: {', '.join(kinds)}")
            with ExitStack() as stack:
                readers = [stack.enter_context(Apart(read, server.port, number)) for number in range(CLIENTS)]
                looks = watch(server, readers)
                readings = [reader.result(patience=1) for reader in readers]
            changes, states, rests = writer.finish()
    return [judge(readings, kinds, changes, states), rested(readings, kinds, rests, looks)]


def watch(server, readers):
    """How many private copies there are, and when, until every reader is done."""
    looks = []
    end = time.monotonic() + PATIENCE
    while not all(reader.is_done() for reader in readers) and time.monotonic() < end:
        looks.append((time.monotonic(), server.tree.copies()))
        time.sleep(LOOK)
    return looks


def judge(readings, kinds, changes, states):
    """Every content must be one that the writer made, and one tag must stand for one content. Where
    nothing of a file is taken away or written over while it is sent, nothing may be cut."""
    outcomes = sum((reading.outcomes for reading in readings), Counter())
    faults = [fault for reading in readings for fault in reading.faults]
    cuts = [cut for reading in readings for cut in reading.cuts]
    by_tag = {}
    for tag, content in set().union(*(reading.seen for reading in readings)):
        by_tag.setdefault(tag, set()).add(content)
    contents = {content for of_tag in by_tag.values() for content in of_tag}
    mixed = len(contents - states)
    doubled = sum(len(of_tag) > 1 for of_tag in by_tag.values())
    made = sum(changes.values())
    measured = (
        f"{outcomes['whole']:,} whole, {len(cuts):,} cut{first(cuts)}, {outcomes['late']} timed out, "
        f"{outcomes['absent']:,} times 404, {outcomes['busy']:,} times 503; "
        f"{mixed} mixed, {doubled} tags of two contents, {len(faults)} other faults{first(faults)}; "
        + ", ".join(f"{count:,} × {kind}" for kind, count in sorted(changes.items()))
    )
    may_cut = "truncate" in kinds
    is_fair = outcomes["whole"] > DOWNLOADS / 2 and made > CHANGES and set(changes) == set(kinds)
    bad = mixed or doubled or faults or outcomes["busy"] or outcomes["late"] or (cuts and not may_cut)
    must = f"{', '.join(kinds)}, {DOWNLOADS:,} downloads: each a whole old or new content{', cut' * may_cut}, or 404"
    return Row(NAME, must, measured, is_fair and not bad)


def first(told):
    """The first of what went wrong, for a table."""
    return f" ({told[0]})" if told else ""


def rested(readings, kinds, rests, looks):
    """The file that rests must be sent from copies, and each of those must go with its state."""
    visits = [visit for reading in readings for visit in reading.visits]
    stale = sum(not is_of_its_time(visit, rests) for visit in visits)
    whole = rests[:-1]
    asked = [times_asked(reading, rest) for reading in readings for rest in whole]
    copied = sum(most(looks, rest.begun + SETTLED, rest.ended) > 0 for rest in whole)
    left = [most(looks, rest.begun + GONE, rest.begun + NEXT) for rest in whole[1:]]
    return Row(
        NAME,
        f"{', '.join(kinds)}, a file that rests {REST:.0f} s in between: private copies in each rest, "
        f"which go with the state they are of",
        f"{len(visits):,} whole in {len(whole)} rests, by each reader {min(asked, default=0)} or more in the end of "
        f"each; copies in {copied} of them, at most {max(left, default=0)} left {GONE:.0f} s after a change; "
        f"{stale} out of date",
        len(whole) == copied >= RESTS and min(asked) >= ASKED and not any(left) and not stale,
    )


def is_of_its_time(visit, rests):
    """Whether what came was there after it had been asked for."""
    asked, answered, content = visit
    return any(
        rest.content == content and rest.begun <= answered and asked <= rest.ended + TURN for rest in rests
    )


def times_asked(reading, rest):
    """How often a reader was sent the file when it had rested long enough."""
    return sum(rest.begun + SETTLED <= asked and answered <= rest.ended for asked, answered, _ in reading.visits)


def most(looks, begin, end):
    """The most copies that were seen in a time."""
    return max((count for at, count in looks if begin <= at <= end), default=0)


def digest(content):
    """What a content is known by."""
    return hashlib.blake2b(content, digest_size=16).digest()


def write(stop, root, kinds, begun):
    """Changes files until told to stop; how often in each way, every content there was, and the
    rests of the file that rests."""
    writer = Writer(root)
    rests = [Rest(digest(writer.contents[RESTING]), begun)]
    names = [name for name in SIZES if name != RESTING]
    weights = [WEIGHTS[name] for name in names]
    while not stop.is_set():
        now = time.monotonic()
        if now >= rests[-1].begun + REST:
            writer.change(RESTING, kinds[len(rests) % len(kinds)])
            rests[-1] = Rest(rests[-1].content, rests[-1].begun, time.monotonic())
            rests.append(Rest(digest(writer.contents[RESTING]), now))
        writer.change(writer.chance.choices(names, weights)[0], writer.chance.choice(kinds))
        time.sleep(PAUSE)
    return writer.changes, writer.states, rests


class Writer:
    """Who changes files, and knows what they have held."""

    def __init__(self, root):
        self.chance = random.Random(2)
        self.changes = Counter()
        self.contents = {name: bytearray(b"0" * size) for name, size in SIZES.items()}
        self.states = {digest(content) for content in self.contents.values()}
        self._root = root

    def change(self, name, kind):
        """Changes a file in a way of this kind, or replaces it where that does not go."""
        content = self.contents[name]
        if kind == "append" and len(content) < 2 * SIZES[name]:
            self._append(name, content)
        elif kind == "truncate" and len(content) > PAGE:
            self._truncate(name, content)
        else:
            kind = "delete" if kind == "delete" else "replace"
            self._replace(name, content, kind == "delete")
        self.changes[kind] += 1

    # What is about to be seen is noted before anybody can see it.

    def _append(self, name, content):
        block = self.chance.randbytes(8).hex().encode() * (PAGE // 16)
        content += block
        self.states.add(digest(content))
        with open(self._root / name, "ab", buffering=0) as file:
            file.write(block)

    def _truncate(self, name, content):
        del content[len(content) // 2 // PAGE * PAGE :]
        self.states.add(digest(content))
        with open(self._root / name, "r+b") as file:
            file.truncate(len(content))

    def _replace(self, name, content, is_missed):
        content[:] = self.chance.randbytes(8).hex().encode() * (SIZES[name] // 16)
        self.states.add(digest(content))
        if is_missed:
            (self._root / name).unlink()
            time.sleep(PAUSE)
        (self._root / "new").write_bytes(content)
        (self._root / "new").rename(self._root / name)


def read(_, port, number):
    """Downloads; what became of them."""
    chance = random.Random(number)
    reading = Reading(Counter(), set(), [], [], [])
    kept = clients.connect(port)
    end = time.monotonic() + SECONDS
    done = 0
    while done < DOWNLOADS // CLIENTS or time.monotonic() < end:
        done += 1
        name = chance.choices(list(SIZES), list(WEIGHTS.values()))[0]
        headers = ["Accept-Encoding: gzip"] if chance.random() < 0.3 else []
        halts = chance.random() < 0.1
        asked = time.monotonic()
        try:
            answer = download(kept, port, name, headers, halts)
        except (OSError, EOFError) as fault:
            if isinstance(fault, TimeoutError):
                reading.outcomes["late"] += 1
            else:
                reading.cuts.append(f"{name}: {fault}")
            kept.close()
            kept = clients.connect(port)
            continue
        note(reading, name, answer, asked)
    kept.close()
    return reading


def note(reading, name, answer, asked):
    """Keeps of an answer what it is judged by."""
    answered = time.monotonic()
    kind = {200: "whole", 404: "absent", 503: "busy"}.get(answer.status, "other")
    reading.outcomes[kind] += 1
    try:
        if kind == "whole":
            content = digest(decoded(answer))
            reading.seen.add(((name, answer.fields["etag"]), content))
            if name == RESTING:
                reading.visits.append((asked, answered, content))
        elif kind == "other":
            reading.faults.append(f"{name}: {answer.status}")
    except (KeyError, EOFError, OSError, zlib.error) as fault:
        reading.faults.append(f"{name}: {type(fault).__name__} {fault}")


def download(connection, port, name, headers, halts):
    """One answer on a connection that is kept: were its length wrong, the next would not parse."""
    connection.sendall(client.request(port, f"/{name}", headers))
    if halts:
        time.sleep(HALT)
    return client.receive(connection, decode=False)


def decoded(answer):
    """The content; an answer whose framing is whole must not hold half a coding."""
    if answer.fields.get("content-encoding") == "gzip":
        return gzip.decompress(answer.content)
    return answer.content
