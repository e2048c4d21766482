"""Section 6: texts that are UTF-8, and texts that are not (RFC 3629).

The texts of 6.5 to 6.23 follow Markus Kuhn's stress test for decoders.
"""

from .case import Case, Outcome, expecting, fails
from .drive import together
from .frames import CONTINUATION, TEXT, fragments, frame, head
from .group import Group
from .receiver import Message, Silence, is_utf8

SECTION = "6 UTF-8"

UMLAUTS = "Hello-µ@ßöäüàá-UTF-8!!".encode()
CUT = UMLAUTS.index("ü".encode())

# Its accent is one that normalisation would replace.
GREEK = "κ\u1f79σμε".encode()
SURROGATE = GREEK + b"\xed\xa0\x80" + b"edited"
BEYOND = b"\xf4\x90\x80\x80"
# The text is wrong from its octet 13 on: that one cannot follow f4.
WRONG_AT = len(GREEK) + 1


def text_case(number, does, frames, payload):
    """A text that comes back, or fails."""
    if is_utf8(payload):
        return Case(number, does, together(*frames), expecting(Message(TEXT, payload)))
    return Case(number, does, together(*frames), ending=fails(1007))


def empty_fragments():
    """6.1."""
    middle = b"middle frame payload"
    yield text_case("6.1.1", "text of 0 octets", fragments(TEXT, b""), b"")
    for number, payload in ((2, b""), (3, middle)):
        frames = [frame(TEXT, fin=False), frame(CONTINUATION, payload, fin=False), frame(CONTINUATION)]
        does = f"text in three fragments of 0, {len(payload)} and 0 octets"
        yield text_case(f"6.1.{number}", does, frames, payload)


def valid():
    """6.2."""
    yield text_case("6.2.1", "valid text", fragments(TEXT, UMLAUTS), UMLAUTS)
    frames = [frame(TEXT, UMLAUTS[:CUT], fin=False), frame(CONTINUATION, UMLAUTS[CUT:])]
    yield text_case("6.2.2", "valid text, cut between two characters", frames, UMLAUTS)
    yield text_case("6.2.3", "valid text in fragments of one octet", fragments(TEXT, UMLAUTS, 1), UMLAUTS)
    yield text_case("6.2.4", "valid Greek text in fragments of one octet", fragments(TEXT, GREEK, 1), GREEK)


def invalid():
    """6.3."""
    yield text_case("6.3.1", "text with a surrogate", fragments(TEXT, SURROGATE), SURROGATE)
    yield text_case("6.3.2", "the same in fragments of one octet", fragments(TEXT, SURROGATE, 1), SURROGATE)


def fail_fast():
    """6.4: a text becomes invalid in its second part, and more could follow."""
    whole = GREEK + BEYOND + b"edited"
    parts = [GREEK, BEYOND, b"edited"]
    at_the_octet = [whole[:WRONG_AT], whole[WRONG_AT : WRONG_AT + 1], whole[WRONG_AT + 1 :]]
    for number, (first, second, third) in ((1, parts), (2, at_the_octet)):
        frames = [frame(TEXT, first, fin=False), frame(CONTINUATION, second, fin=False), frame(CONTINUATION, third)]
        yield fail_fast_case(f"6.4.{number}", frames, "frames", second)
    for number, (first, second, third) in ((3, parts), (4, at_the_octet)):
        pieces = [head(TEXT, len(whole)) + first, second, third]
        yield fail_fast_case(f"6.4.{number}", pieces, "pieces of one frame", second)


def fail_fast_case(number, pieces, name, wrong):
    """The server must fail after the second piece, and not only at the end of the message."""

    def drive(connection):
        first, second, third = pieces
        connection.send(first)
        connection.pause("A")
        connection.send(second)
        connection.pause("B")
        connection.send(third)

    expected = {Outcome.PASS: [Silence("A")], Outcome.NON_STRICT: [Silence("A"), Silence("B")]}
    return Case(number, f"text in three {name}, the second one ({wrong.hex()}) invalid", drive, expected, fails(1007))


def octets(texts):
    """Texts from their octets in hexadecimal digits."""
    return [bytes.fromhex(text) for text in texts.split()]


CUT_SHORT = octets("c0 e080 f08080 f8808080 fc80808080 df efbf f7bfbf fbbfbfbf fdbfbfbfbf")

# The last one of each kind is missing in the list, and so it is here.
FIRST = [range(0xC0, 0xDF), range(0xE0, 0xEF), range(0xF0, 0xF7), range(0xF8, 0xFB), range(0xFC, 0xFD)]


def continuations():
    """3.1 of the stress test."""
    alternating = b"\x80\xbf" * 3
    return [b"\x80", b"\xbf", *(alternating[:length] for length in range(2, 7)), bytes(range(0x80, 0xBF))]


def non_characters():
    """5.3 of the stress test: code points that are valid, such as the last two of each plane."""
    found = [b"\xef\xbf\xbe", b"\xef\xbf\xbf"]
    for first in b"\xf0\xf1\xf2\xf3\xf4":
        for second in b"\x8f\x9f\xaf\xbf":
            found += [bytes([first, second, 0xBF, last]) for last in b"\xbe\xbf"]
    return [one for one in found if is_utf8(one)]


def pairs():
    """5.2 of the stress test."""
    high, low = octets("eda080 edadbf edae80 edafbf"), octets("edb080 edbfbf")
    return [first + second for first in high for second in low]


STRESS = [
    ("valid texts", [b"hello%sworld" % one.encode() for one in "$¢€\U00024b62"] + [GREEK]),
    ("each beginning of a valid text", [GREEK[:length] for length in range(1, len(GREEK) + 1)]),
    ("the first character of each length", [one.encode() for one in "\0\x80\u0800\U00010000"]),
    ("the first sequences of 5 and 6 octets", [b"\xf8\x88\x80\x80\x80", b"\xfc\x84\x80\x80\x80\x80"]),
    ("the last character of each length", [one.encode() for one in "\x7f\u07ff\uffff\U0010ffff"]),
    ("the last sequences of 4 to 6 octets", [b"\xf7\xbf\xbf\xbf", b"\xfb\xbf\xbf\xbf\xbf", b"\xfd\xbf\xbf\xbf\xbf\xbf"]),
    ("other boundaries", [one.encode() for one in "\ud7ff\ue000\ufffd\U0010ffff"] + [BEYOND]),
    ("continuation octets alone", continuations()),
    ("first octets alone", [b"".join(bytes([one]) + b" " for one in ones) for ones in FIRST]),
    ("sequences without their last octet", CUT_SHORT),
    ("such sequences in a row", [b"".join(CUT_SHORT)]),
    ("octets that UTF-8 does not have", [b"\xfe", b"\xff", b"\xfe\xfe\xff\xff"]),
    ("overlong forms of a slash", octets("c0af e080af f08080af f8808080af fc80808080af")),
    ("the largest overlong forms", octets("c1bf e09fbf f08fbfbf f887bfbfbf fc83bfbfbfbf")),
    ("overlong forms of NUL", octets("c080 e08080 f0808080 f880808080 fc8080808080")),
    ("single surrogates", octets("eda080 edadbf edae80 edafbf edb080 edbe80 edbfbf")),
    ("pairs of surrogates", pairs()),
    ("code points that are not characters", non_characters()),
    ("special code points", [chr(number).encode() for number in range(0xFFF9, 0x10000)]),
]


def stress():
    """6.5 to 6.23, each a group of its own."""
    for section, (checks, payloads) in enumerate(STRESS, 5):
        cases = [
            text_case(f"6.{section}.{number}", f"text {payload.hex()}", fragments(TEXT, payload), payload)
            for number, payload in enumerate(payloads, 1)
        ]
        yield Group(SECTION, checks, cases)


GROUPS = [
    Group(SECTION, "empty fragments", empty_fragments()),
    Group(SECTION, "valid texts, cut between characters and within them", valid()),
    Group(SECTION, "a surrogate, whole and in fragments of one octet", invalid()),
    Group(SECTION, "an invalid text fails before its end has arrived", fail_fast()),
    *stress(),
]
