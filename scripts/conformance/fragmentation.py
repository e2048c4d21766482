"""Sections 5 and 10: messages in fragments."""

from .case import Case, Outcome, expecting, fails
from .drive import HELLO, WAYS, exchange, frame_by_frame, octet_by_octet, text, together
from .frames import CONTINUATION, PING, PONG, TEXT, frame
from .group import Group
from .receiver import Message, Pong, Silence

EVERY_WAY = (together, frame_by_frame, octet_by_octet)

BOTH = [text(b"fragment1", fin=False), frame(CONTINUATION, b"fragment2")]
WHOLE = Message(TEXT, b"fragment1fragment2")

PIECES = [b"fragment%d" % number for number in range(1, 6)]
FIRST_PING, SECOND_PING = b"pongme 1!", b"pongme 2!"


def cases():
    """Section 5."""
    for number, opcode, name in ((1, PING, "ping"), (2, PONG, "pong")):
        send = together(frame(opcode, b"fragment1", fin=False), frame(CONTINUATION, b"fragment2"))
        yield Case(f"5.{number}", f"{name} in two fragments", send, ending=fails(1002))
    for number, way in enumerate(EVERY_WAY, 3):
        yield Case(f"5.{number}", f"text in two fragments; {WAYS[way]}", way(*BOTH), expecting(WHOLE))
    for number, way in enumerate(EVERY_WAY, 6):
        send = way(BOTH[0], frame(PING, b"ping payload"), BOTH[1])
        wanted = expecting(Pong(b"ping payload"), WHOLE)
        yield Case(f"5.{number}", f"text in two fragments, a ping between them; {WAYS[way]}", send, wanted)
    yield from nothing_to_continue()
    send = together(text(b"fragment1", fin=False), text(b"fragment2"))
    yield Case("5.18", "two fragments with the opcode text", send, ending=fails(1002))
    for number, way in ((19, together), (20, frame_by_frame)):
        yield five_fragments(f"5.{number}", way)


def nothing_to_continue():
    """5.9 to 5.17: a continuation frame comes, but no message has begun."""
    number = 9
    for is_final in (True, False):
        for way in EVERY_WAY:
            send = way(frame(CONTINUATION, b"non-continuation payload", is_final), text(HELLO))
            does = f"continuation, FIN {'' if is_final else 'not '}set, without a message; {WAYS[way]}"
            yield Case(f"5.{number}", does, send, ending=fails(1002))
            number += 1
    send = together(*BOTH, frame(CONTINUATION, b"fragment3", fin=False), text(b"fragment4"))
    wanted = {Outcome.PASS: [WHOLE], Outcome.NON_STRICT: []}
    yield Case("5.15", "text in two fragments, then another continuation", send, wanted, fails(1002))
    for number, is_final in ((16, False), (17, True)):
        once = [frame(CONTINUATION, b"fragment1", is_final), text(b"fragment2", fin=False), frame(CONTINUATION, b"fragment3")]
        does = f"twice: continuation, FIN {'' if is_final else 'not '}set, then text in two fragments"
        yield Case(f"5.{number}", does, together(*once, *once), ending=fails(1002))


def five_fragments(number, way):
    """The first pong must come before the message is complete."""
    middle = [frame(CONTINUATION, piece, fin=False) for piece in PIECES[1:4]]

    def drive(connection):
        way(text(PIECES[0], fin=False), middle[0], frame(PING, FIRST_PING))(connection)
        connection.pause("before the rest")
        way(middle[1], middle[2], frame(PING, SECOND_PING), frame(CONTINUATION, PIECES[4]))(connection)

    wanted = expecting(Pong(FIRST_PING), Silence("before the rest"), Pong(SECOND_PING), Message(TEXT, b"".join(PIECES)))
    return Case(number, f"text in five fragments, two pings and a pause between them; {WAYS[way]}", drive, wanted)


def automatic():
    """Section 10."""
    send = exchange(TEXT, lambda: [b"*" * 65_536], fragment=1300)
    yield Case("10.1.1", "text of 65,536 octets in fragments of 1,300", send)


GROUPS = [Group("5 Fragmentation", "fragments, control frames between them, and continuations of nothing", cases())]
AUTOMATIC = [Group("10 Automatic fragmentation", "a message in 51 fragments", automatic())]
