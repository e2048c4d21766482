"""Section 7: the closing handshake, and what Close frames may hold."""

import dataclasses

from .case import NORMAL, Case, answers, expecting
from .drive import text, together
from .frames import CONTINUATION, PING, TEXT, close_frame, frame
from .group import Group
from .receiver import Message
from .utf8 import SURROGATE

SECTION = "7 Closing"

HELLO = b"Hello World!"

VALID = (1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999)
INVALID = (0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999)
# The protocol does not define them.
UNDEFINED = (5000, 65_535)

LARGE = (b"BAsd7&jh23" * 26_215)[: 256 * 1024]


def closing(number, does, *frames, ending=NORMAL):
    """A case that closes itself, in one piece, so that what follows the Close frame arrives in any case."""
    return Case(number, does, together(*frames, closes=True), ending=ending)


def handshakes():
    """7.1."""
    yield Case("7.1.1", "text, then Close", together(text(HELLO)), expecting(Message(TEXT, HELLO)))
    close = close_frame(1000)
    yield closing("7.1.2", "two Close frames", close, close_frame())
    yield closing("7.1.3", "Close, then a ping", close, frame(PING))
    yield closing("7.1.4", "Close, then text", close, text(HELLO))
    send = [text(b"fragment1", fin=False), close, frame(CONTINUATION, b"fragment2")]
    yield closing("7.1.5", "a fragment, Close, a fragment", *send)
    last = closing("7.1.6", "text of 256 KiB, text, Close, ping", text(LARGE), text(HELLO), close, frame(PING))
    yield dataclasses.replace(last, is_informational=True)


def lengths():
    """7.3. A Close frame without a code may be answered without one."""
    broken = answers(1002, is_clean=False)
    yield closing("7.3.1", "Close with 0 octets", close_frame(), ending=answers(1000, None))
    yield closing("7.3.2", "Close with 1 octet", close_frame(reason=b"a"), ending=broken)
    yield closing("7.3.3", "Close with a code", close_frame(1000))
    yield closing("7.3.4", "Close with a code and a reason", close_frame(1000, HELLO))
    yield closing("7.3.5", "Close with a reason of 123 octets", close_frame(1000, b"*" * 123))
    yield closing("7.3.6", "Close with a reason of 124 octets", close_frame(1000, b"*" * 124), ending=broken)


def reasons():
    """7.5."""
    ending = answers(1007, 1002, is_clean=False)
    yield closing("7.5.1", "Close with a reason that is not UTF-8", close_frame(1000, SURROGATE), ending=ending)


def codes(section, numbers, is_valid):
    """7.7 and 7.9."""
    for number, code in enumerate(numbers, 1):
        ending = answers(1000, code) if is_valid else answers(1002, is_clean=False)
        yield closing(f"{section}.{number}", f"Close with {code}", close_frame(code), ending=ending)


def undefined():
    """7.13."""
    for one in codes("7.13", UNDEFINED, is_valid=False):
        yield dataclasses.replace(one, is_informational=True)


GROUPS = [
    Group(SECTION, "frames before and after a Close frame", handshakes()),
    Group(SECTION, "Close frames of 0 to 126 octets", lengths()),
    Group(SECTION, "a reason that is not UTF-8", reasons()),
    Group(SECTION, "status codes that are valid", codes("7.7", VALID, is_valid=True)),
    Group(SECTION, "status codes that are not", codes("7.9", INVALID, is_valid=False)),
    Group(SECTION, "status codes that the protocol does not define", undefined()),
]
