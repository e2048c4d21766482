"""Cases that the list of Autobahn does not have: docroot's limit, frames that are not valid in other ways, and
what may be agreed on compression.

Their numbers begin with a D, for docroot.
"""

import functools
import zlib

from . import samples
from .case import NORMAL, Case, answers, expecting, fails
from .compression import compressed
from .connection import Unexpected
from .deflate import CLIENT_MAX_WINDOW_BITS, SERVER_MAX_WINDOW_BITS, TAIL, field, offer
from .drive import HELLO, exchange, text, together
from .frames import BINARY, CLOSE, CONTINUATION, PING, PONG, RSV1, TEXT, close_frame, fragments, frame, head
from .group import Group
from .limits import MIB
from .receiver import Message, Pong
from .utf8 import SURROGATE

SECTION = "D Cases of docroot's own"

# The longest message, as the README says.
LIMIT = 16 * MIB

PLAIN = (offer(),)

# Codes that IANA has registered since the list was made, and one that is for APIs.
REGISTERED = (1012, 1013, 1014)
TLS_HANDSHAKE = 1015

MESSAGES = 50
LENGTH = 5_000


def deflated(content):
    """The payload of a compressed message."""
    coder = zlib.compressobj(wbits=-15)
    return (coder.compress(content) + coder.flush(zlib.Z_SYNC_FLUSH)).removesuffix(TAIL)


def too_long():
    """D.1: the longest message is in 9.1.6 and 9.2.6."""
    refused = fails(1009)
    yield Case("D.1.1", "head of a message of 16 MiB and an octet", together(head(BINARY, LIMIT + 1)), ending=refused)
    yield Case("D.1.2", "head of a message of 2^63 - 1 octets", together(head(BINARY, (1 << 63) - 1)), ending=refused)

    def one_octet_more(connection):
        connection.send(frame(BINARY, bytes(LIMIT), fin=False))
        connection.send(frame(CONTINUATION, b"\0"))

    yield Case("D.1.3", "16 MiB in a fragment, an octet in the next", one_octet_more, ending=refused)
    # The content, and nothing before it, exceeds the limit.
    send = together(frame(BINARY, deflated(bytes(LIMIT + 1)), rsv=RSV1))
    yield compressed(Case("D.1.4", "16 KB that decompress to 16 MiB and an octet", send, ending=refused, offers=PLAIN))


def invalid_frames():
    """D.2."""
    refused = fails(1002)
    yield Case("D.2.1", "text that is not masked", together(text(HELLO, is_masked=False)), ending=refused)
    yield Case("D.2.2", "ping that is not masked", together(frame(PING, is_masked=False)), ending=refused)
    for number, (length, octets) in enumerate(((125, 2), (65_535, 8), (0, 8)), 3):
        send = together(text(b"*" * length, length_octets=octets))
        yield Case(f"D.2.{number}", f"length {length:,} in {octets} octets", send, ending=refused)
    yield Case("D.2.6", "length with its highest bit set", together(head(TEXT, 1 << 63)), ending=refused)
    # In 5.1 and 5.2, the continuation alone would be refused as well.
    for number, opcode, name, payload in ((7, PING, "ping", b""), (8, PONG, "pong", b""), (9, CLOSE, "Close", b"\x03\xe8")):
        frames = [text(b"fragment1", fin=False), frame(opcode, payload, fin=False), frame(CONTINUATION, b"fragment2")]
        send = together(*frames)
        yield Case(f"D.2.{number}", f"{name} without FIN, within a message", send, ending=refused)


def codes():
    """D.3."""
    for number, code in enumerate(REGISTERED, 1):
        send = together(close_frame(code), closes=True)
        yield Case(f"D.3.{number}", f"Close with {code}", send, ending=answers(1000, code))
    send = together(close_frame(TLS_HANDSHAKE), closes=True)
    yield Case("D.3.4", f"Close with {TLS_HANDSHAKE}", send, ending=answers(1002, is_clean=False))


def agreements():
    """D.4: offers that the server accepts. With a window of 256 bytes, it may also decline."""
    wishes = [offer(), offer(server_no_context_takeover=None), offer(client_no_context_takeover=None)]
    wishes += [offer(**{name: bits}) for name in (SERVER_MAX_WINDOW_BITS, CLIENT_MAX_WINDOW_BITS) for bits in range(9, 16)]
    for number, wish in enumerate(wishes, 1):
        yield compressed(Case(f"D.4.{number}", f"offer {field([wish])}", MANY, offers=(wish,)))
    narrow = offer(server_max_window_bits=8)
    yield Case(f"D.4.{len(wishes) + 1}", f"offer {field([narrow])}", MANY, offers=(narrow,))


# Messages that refer to each other, if they may.
MANY = exchange(TEXT, functools.partial(samples.slices, samples.records, LENGTH, MESSAGES))


def invalid_offers():
    """D.5: RFC 7692 section 7.1 declines offers with parameters that are not known or not valid."""
    wishes = [
        offer(window=9),
        offer(server_no_context_takeover=1),
        offer(client_no_context_takeover="true"),
        offer(server_max_window_bits=None),
        offer(server_max_window_bits=7),
        offer(server_max_window_bits=16),
        offer(server_max_window_bits="09"),
        offer(client_max_window_bits=16),
    ]
    for number, wish in enumerate(wishes, 1):
        yield Case(f"D.5.{number}", f"offer {field([wish])}", declined, offers=(wish,))
    both = (offer(window=9), offer())
    yield compressed(Case(f"D.5.{len(wishes) + 1}", "an offer that is not valid, then one that is", MANY, offers=both))


def declined(connection):
    """The server must not compress, and the connection goes on."""
    if connection.agreement is not None:
        raise Unexpected("the server accepts the offer")
    MANY(connection)


# RFC 7692 section 7.2.3: the same text as one block, as two, without compression, and as the last block.
HELLOS = ("f248cdc9c90700", "f24805000000ffffcac9c90700", "000500faff48656c6c6f00", "f348cdc9c9070000")


def compressed_frames():
    """D.6."""
    wanted = expecting(Message(TEXT, b"Hello"))
    for number, octets in enumerate(HELLOS, 1):
        yield agreed(f"D.6.{number}", f"compressed text {octets}", [text(bytes.fromhex(octets), rsv=RSV1)], wanted)
    yield agreed("D.6.5", "text that is not compressed", [text(b"Hello")], wanted)
    first, second = fragments(TEXT, deflated(b"Hello"), 4, RSV1)
    wanted = expecting(Pong(b""), Message(TEXT, b"Hello"))
    yield agreed("D.6.6", "compressed text in two fragments, a ping between them", [first, frame(PING), second], wanted)
    octets = deflated(b"Hello")
    again = [text(octets[:4], fin=False, rsv=RSV1), frame(CONTINUATION, octets[4:], rsv=RSV1)]
    yield agreed("D.6.7", "RSV1 in the second fragment", again, ending=fails(1002))
    yield agreed("D.6.8", "RSV1 in a ping", [frame(PING, rsv=RSV1)], ending=fails(1002))
    # A block of the kind that DEFLATE does not define.
    yield agreed("D.6.9", "text that is not DEFLATE data", [text(b"\x07", rsv=RSV1)], ending=fails(1007, 1002))
    yield agreed("D.6.10", "compressed text that is not UTF-8", [text(deflated(SURROGATE), rsv=RSV1)], ending=fails(1007))


def agreed(number, does, frames, expected=None, ending=NORMAL):
    """A case with compression."""
    return compressed(Case(number, does, together(*frames), expected or expecting(), ending, PLAIN))


GROUPS = [
    Group(SECTION, "messages that are longer than 16 MiB", too_long()),
    Group(SECTION, "frames without a mask, lengths that are not valid, control frames without FIN", invalid_frames()),
    Group(SECTION, "status codes that the list does not know", codes()),
    Group(SECTION, "offers of compression that are valid", agreements()),
    Group(SECTION, "offers that are not", invalid_offers()),
    Group(SECTION, "frames of compressed messages", compressed_frames()),
]
