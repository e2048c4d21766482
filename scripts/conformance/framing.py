"""Sections 1 to 4: framing, pings and pongs, reserved bits and opcodes."""

from .case import Case, Outcome, expecting, fails
from .drive import HELLO, WAYS, chopped, frame_by_frame, octet_by_octet, text, together
from .frames import BINARY, CLOSE, NAMES, PING, PONG, TEXT, frame
from .group import Group
from .receiver import Message, Pong

LENGTHS = (0, 125, 126, 127, 128, 65_535, 65_536, 65_536)
CHOP = 997

NOT_TEXT = b"\x00\xff\xfe\xfd\xfc\xfb\x00\xff"
LONGEST = b"\xfe" * 125

# A server may have failed before its echo has left.
ECHO_OR_NOTHING = {Outcome.PASS: [Message(TEXT, HELLO)], Outcome.NON_STRICT: []}


def lengths(section, kind, octet):
    """Whole messages; the last one is chopped."""
    for number, length in enumerate(LENGTHS, 1):
        payload = octet * length
        is_chopped = number == len(LENGTHS)
        way = f" in pieces of {CHOP} octets" if is_chopped else ""
        send = chopped(CHOP, frame(kind, payload)) if is_chopped else together(frame(kind, payload))
        does = f"{NAMES[kind]} of {length:,} octets{way}"
        yield Case(f"{section}.{number}", does, send, expecting(Message(kind, payload)))


def pings():
    """Section 2."""
    for number, payload in ((1, b""), (2, HELLO), (3, NOT_TEXT), (4, LONGEST)):
        does = f"ping with {len(payload)} octets"
        yield Case(f"2.{number}", does, together(frame(PING, payload)), expecting(Pong(payload)))
    yield Case("2.5", "ping with 126 octets", together(frame(PING, LONGEST + b"\xfe")), ending=fails(1002))
    yield Case("2.6", "ping with 125 octets, octet by octet", octet_by_octet(frame(PING, LONGEST)), expecting(Pong(LONGEST)))
    unsolicited = b"unsolicited pong payload"
    yield Case("2.7", "pong that nobody asked for", together(frame(PONG)))
    yield Case("2.8", "the same with a payload", together(frame(PONG, unsolicited)))
    send = together(frame(PONG, unsolicited), frame(PING, b"ping payload"))
    yield Case("2.9", "the same, then a ping", send, expecting(Pong(b"ping payload")))
    payloads = [b"payload-%d" % number for number in range(10)]
    for number, way in ((10, frame_by_frame), (11, octet_by_octet)):
        send = way(*(frame(PING, payload) for payload in payloads))
        yield Case(f"2.{number}", f"10 pings {WAYS[way]}", send, expecting(*map(Pong, payloads)))


def reserved_bits():
    """Section 3. RSV1 counts 4, RSV2 counts 2 and RSV3 counts 1."""
    refused = fails(1002)
    yield Case("3.1", "text with RSV3", together(text(HELLO, rsv=1)), ending=refused)
    for rsv, bits, way in ((2, "RSV2", together), (3, "RSV2 and RSV3", frame_by_frame), (4, "RSV1", octet_by_octet)):
        send = way(text(HELLO), text(HELLO, rsv=rsv), frame(PING))
        yield Case(f"3.{rsv}", f"text, text with {bits}, ping; {WAYS[way]}", send, ECHO_OR_NOTHING, refused)
    yield Case("3.5", "binary with RSV1 and RSV3", together(frame(BINARY, NOT_TEXT, rsv=5)), ending=refused)
    yield Case("3.6", "binary with RSV1 and RSV2", together(frame(BINARY, HELLO, rsv=6)), ending=refused)
    yield Case("3.7", "Close with all three bits", together(frame(CLOSE, rsv=7)), ending=refused)


def reserved_opcodes(section, first):
    """Section 4: five opcodes that are not defined."""
    refused = fails(1002)
    for number, payload in ((1, b""), (2, b"reserved opcode payload")):
        opcode = first + number - 1
        does = f"opcode {opcode} with {len(payload)} octets"
        yield Case(f"{section}.{number}", does, together(frame(opcode, payload)), ending=refused)
    for number, payload, way in ((3, b"", together), (4, HELLO, together), (5, HELLO, octet_by_octet)):
        opcode = first + number - 1
        send = way(text(HELLO), frame(opcode, payload), frame(PING))
        does = f"text, opcode {opcode} with {len(payload)} octets, ping; {WAYS[way]}"
        yield Case(f"{section}.{number}", does, send, ECHO_OR_NOTHING, refused)


GROUPS = [
    Group("1 Framing", "text messages of 0 to 65,536 octets, also in pieces of 997", lengths("1.1", TEXT, b"*")),
    Group("1 Framing", "binary messages of the same lengths", lengths("1.2", BINARY, b"\xfe")),
    Group("2 Pings and pongs", "pings of 0 to 126 octets, ten in a row, and pongs that nobody asked for", pings()),
    Group("3 Reserved bits", "each combination of RSV1 to RSV3", reserved_bits()),
    Group("4 Opcodes", "the opcodes 3 to 7", reserved_opcodes("4.1", 3)),
    Group("4 Opcodes", "the opcodes 11 to 15", reserved_opcodes("4.2", 11)),
]
