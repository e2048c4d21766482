"""Sections 12 and 13: compressed messages of many sizes, with five kinds of data and seven offers."""

import dataclasses
import functools

from . import samples
from .case import Case
from .connection import Unexpected
from .deflate import offer
from .drive import exchange
from .frames import BINARY, TEXT
from .group import Group

# Size of a message, and of the fragments that its payload is sent in, if it is.
SIZES = (
    (16, None), (64, None), (256, None), (1024, None), (4096, None), (8192, None), (16_384, None), (32_768, None),
    (65_536, None), (131_072, None), (8192, 256), (16_384, 256), (32_768, 256), (65_536, 256), (131_072, 256),
    (131_072, 1024), (131_072, 4096), (131_072, 32_768),
)  # fmt: skip

# Autobahn sends 1,000 messages of each size. Here they are as many as make up this volume, but no more than
# that, and no fewer than the least number.
VOLUME = 1024 * 1024
MOST = 1000
LEAST = 20

KINDS = (
    ("data in JSON", samples.records, TEXT),
    ("a picture", samples.picture, BINARY),
    ("a book", samples.book, BINARY),
    ("a page in HTML", samples.page, TEXT),
    ("a PDF file", samples.document, BINARY),
)


def standard(**more):
    """An offer of Autobahn: the client can do everything, and asks for `more`."""
    return offer(client_no_context_takeover=None, client_max_window_bits=None, **more)


WINDOW_9 = {"server_max_window_bits": 9}
WINDOW_15 = {"server_max_window_bits": 15}
NO_TAKEOVER = {"server_no_context_takeover": None}

OFFERS = (
    ("offer without a wish", (standard(),)),
    ("the client asks for no context takeover", (standard(**NO_TAKEOVER),)),
    ("the client asks for a window of 512 bytes", (standard(**WINDOW_9),)),
    ("the client asks for a window of 32 KiB", (standard(**WINDOW_15),)),
    ("the client asks for no context takeover and 512 bytes", (standard(**NO_TAKEOVER, **WINDOW_9),)),
    ("the client asks for no context takeover and 32 KiB", (standard(**NO_TAKEOVER, **WINDOW_15),)),
    (
        "three offers, the one that asks for most first",
        (standard(**NO_TAKEOVER, **WINDOW_9), standard(**NO_TAKEOVER), standard()),
    ),
)


def count(size):
    """How many messages of a size."""
    return min(MOST, max(LEAST, VOLUME // size))


def compressed(case):
    """The same case, if the server agrees to compress."""

    def drive(connection):
        if connection.agreement is None:
            raise Unexpected("the server does not accept the offer")
        case.drive(connection)

    return dataclasses.replace(case, drive=drive)


def sizes(section, sample, kind, offers):
    """A case for each size."""
    for number, (size, fragment) in enumerate(SIZES, 1):
        contents = functools.partial(samples.slices, sample, size, count(size))
        way = f" in fragments of {fragment:,}" if fragment else ""
        does = f"{count(size):,} messages of {size:,} octets{way}"
        yield compressed(Case(f"{section}.{number}", does, exchange(kind, contents, fragment), offers=offers))


def groups():
    """12 and 13."""
    for number, (name, sample, kind) in enumerate(KINDS, 1):
        checks = f"16 octets to 128 KiB of {name}, whole and in fragments"
        yield Group("12 Compression: data", checks, sizes(f"12.{number}", sample, kind, (standard(),)))
    _, sample, kind = KINDS[0]
    for number, (checks, offers) in enumerate(OFFERS, 1):
        yield Group("13 Compression: offers", checks, sizes(f"13.{number}", sample, kind, offers))


GROUPS = list(groups())
