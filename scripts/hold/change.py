"""Files that change under downloads: an answer is one representation, whole, or visibly cut."""

import gzip
import hashlib
import random
import time
import zlib
from collections import Counter
from contextlib import ExitStack

from measure import client

from . import clients
from .apart import Apart
from .house import Row

NAME = "files under change"

DOWNLOADS = 10_000
CLIENTS = 4
# Of small files, of such that are kept coded, and of such that leave by `sendfile`.
SIZES = {"a.txt": 4096, "b.txt": 36 * 1024, "c.bin": 300 * 1024, "d.bin": 3 * 1024 * 1024}
WEIGHTS = {"a.txt": 3, "b.txt": 3, "c.bin": 2, "d.bin": 2}

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
    return [downloaded(house, kinds, say) for kinds in KINDS]


def downloaded(house, kinds, say):
    """Downloads while files change in these ways."""
    root = house.root(f"change-{len(kinds)}")
    for name, size in SIZES.items():
        (root / name).write_bytes(b"0" * size)
    with house.serving(root) as server:
        with Apart(write, root, kinds) as writer:
            say(f"{NAME}: {DOWNLOADS:,} downloads: {', '.join(kinds)}")
            with ExitStack() as stack:
                readers = [stack.enter_context(Apart(read, server.port, number)) for number in range(CLIENTS)]
                results = [reader.result(patience=150) for reader in readers]
            changes, states = writer.finish()
    return judge(results, kinds, changes, states)


def judge(results, kinds, changes, states):
    """Every content must be one that the writer made, and one tag must stand for one content."""
    outcomes = Counter()
    faults = []
    by_tag = {}
    for counts, seen, wrong in results:
        outcomes += counts
        faults += wrong
        for tag, content in seen:
            by_tag.setdefault(tag, set()).add(content)
    contents = {content for of_tag in by_tag.values() for content in of_tag}
    mixed = len(contents - states)
    doubled = sum(len(of_tag) > 1 for of_tag in by_tag.values())
    made = sum(changes.values())
    measured = (
        f"{outcomes['whole']:,} whole, {outcomes['cut']:,} cut, {outcomes['absent']:,} times 404, "
        f"{outcomes['busy']:,} times 503; {mixed} mixed, {doubled} tags of two contents, "
        f"{len(faults)} other faults{f' ({faults[0]})' if faults else ''}; "
        + ", ".join(f"{count:,} × {kind}" for kind, count in sorted(changes.items()))
    )
    is_fair = outcomes["whole"] > DOWNLOADS / 2 and made > CHANGES and set(changes) == set(kinds)
    held = not mixed and not doubled and not faults and not outcomes["busy"] and is_fair
    must = f"{', '.join(kinds)}, {DOWNLOADS:,} downloads: each a whole old or new content, cut, or 404"
    return Row(NAME, must, measured, held)


def digest(content):
    """What a content is known by."""
    return hashlib.blake2b(content, digest_size=16).digest()


def write(stop, root, kinds):
    """Changes files until told to stop; how often in each way, and every content there was."""
    chance = random.Random(2)
    changes = Counter()
    contents = {name: bytearray(b"0" * size) for name, size in SIZES.items()}
    states = {digest(content) for content in contents.values()}
    while not stop.is_set():
        name = chance.choices(list(SIZES), list(WEIGHTS.values()))[0]
        kind = chance.choice(kinds)
        content = contents[name]
        # What is about to be seen is noted before anybody can see it.
        if kind == "append" and len(content) < 2 * SIZES[name]:
            block = chance.randbytes(8).hex().encode() * (PAGE // 16)
            content += block
            states.add(digest(content))
            with open(root / name, "ab", buffering=0) as file:
                file.write(block)
        elif kind == "truncate" and len(content) > PAGE:
            del content[len(content) // 2 // PAGE * PAGE :]
            states.add(digest(content))
            with open(root / name, "r+b") as file:
                file.truncate(len(content))
        else:
            kind = "delete" if kind == "delete" else "replace"
            content[:] = chance.randbytes(8).hex().encode() * (SIZES[name] // 16)
            states.add(digest(content))
            if kind == "delete":
                (root / name).unlink()
                time.sleep(PAUSE)
            (root / "new").write_bytes(content)
            (root / "new").rename(root / name)
        changes[kind] += 1
        time.sleep(PAUSE)
    return changes, states


def read(_, port, number):
    """Downloads; what became of them, the contents by their tags, and what must not be."""
    chance = random.Random(number)
    outcomes = Counter()
    seen = set()
    faults = []
    kept = clients.connect(port)
    for _ in range(DOWNLOADS // CLIENTS):
        name = chance.choices(list(SIZES), list(WEIGHTS.values()))[0]
        headers = ["Accept-Encoding: gzip"] if chance.random() < 0.3 else []
        halts = chance.random() < 0.1
        try:
            answer = download(kept, port, name, headers, halts)
        except (OSError, EOFError):
            outcomes["cut"] += 1
            kept.close()
            kept = clients.connect(port)
            continue
        kind = {200: "whole", 404: "absent", 503: "busy"}.get(answer.status, "other")
        outcomes[kind] += 1
        try:
            if kind == "whole":
                seen.add(((name, answer.fields["etag"]), digest(decoded(answer))))
            elif kind == "other":
                faults.append(f"{name}: {answer.status}")
        except (KeyError, EOFError, OSError, zlib.error) as fault:
            faults.append(f"{name}: {type(fault).__name__} {fault}")
    kept.close()
    return outcomes, seen, faults


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
