"""Section 9: large messages, many fragments, small pieces, and many messages."""

from .case import Case
from .drive import exchange
from .frames import BINARY, NAMES, TEXT
from .group import Group

SECTION = "9 Limits and performance"

KIB = 1024
MIB = 1024 * KIB

SIZES = (64 * KIB, 256 * KIB, MIB, 4 * MIB, 8 * MIB, 16 * MIB)
FRAGMENTS = tuple(64 * 4**power for power in range(9))
CHOPS = (64, 128, 256, 512, 1024, 2048)
SHORT = (0, 16, 64, 256, 1024, 4096)
ROUND_TRIPS = 1000

PATTERNS = {TEXT: b"BAsd7&jh23", BINARY: b"\x00\xfe\x23\xfa\xf0"}
OCTETS = {TEXT: b"*", BINARY: b"\xfe"}


def repeated(pattern, size, count=1):
    """Makes messages when they are needed: a pattern, up to a size."""
    return lambda: [(pattern * (size // len(pattern) + 1))[:size]] * count


def size_text(size):
    """A size for people."""
    return f"{size // MIB} MiB" if size >= MIB else f"{size // KIB} KiB" if size >= KIB else f"{size} octets"


def whole(section, kind):
    """9.1 and 9.2."""
    for number, size in enumerate(SIZES, 1):
        send = exchange(kind, repeated(PATTERNS[kind], size))
        yield Case(f"{section}.{number}", f"{NAMES[kind]} of {size_text(size)}", send)


def in_fragments(section, kind):
    """9.3 and 9.4."""
    for number, size in enumerate(FRAGMENTS, 1):
        send = exchange(kind, repeated(OCTETS[kind], 4 * MIB), fragment=size)
        yield Case(f"{section}.{number}", f"{NAMES[kind]} of 4 MiB in fragments of {size_text(size)}", send)


def in_pieces(section, kind):
    """9.5 and 9.6."""
    for number, size in enumerate(CHOPS, 1):
        send = exchange(kind, repeated(PATTERNS[kind], MIB), chop=size)
        yield Case(f"{section}.{number}", f"{NAMES[kind]} of 1 MiB in pieces of {size_text(size)}", send)


def round_trips(section, kind):
    """9.7 and 9.8."""
    for number, size in enumerate(SHORT, 1):
        send = exchange(kind, repeated(OCTETS[kind], size, ROUND_TRIPS))
        yield Case(f"{section}.{number}", f"{ROUND_TRIPS:,} times {NAMES[kind]} of {size_text(size)}", send)


GROUPS = [
    Group(SECTION, "text messages of 64 KiB to 16 MiB", whole("9.1", TEXT)),
    Group(SECTION, "binary messages of these sizes", whole("9.2", BINARY)),
    Group(SECTION, "text of 4 MiB in fragments of 64 octets to 4 MiB", in_fragments("9.3", TEXT)),
    Group(SECTION, "binary of 4 MiB in such fragments", in_fragments("9.4", BINARY)),
    Group(SECTION, "text of 1 MiB in pieces of 64 to 2,048 octets", in_pieces("9.5", TEXT)),
    Group(SECTION, "binary of 1 MiB in such pieces", in_pieces("9.6", BINARY)),
    Group(SECTION, "1,000 text messages of 0 to 4,096 octets, in turn", round_trips("9.7", TEXT)),
    Group(SECTION, "1,000 binary messages of these sizes, in turn", round_trips("9.8", BINARY)),
]
