"""What clients do in the cases: functions that make the `drive` of a case."""

from .frames import TEXT, frame
from .receiver import Message

HELLO = b"Hello, world!"


def together(*frames, closes=False):
    """All frames in one piece."""
    return lambda connection: connection.send(b"".join(frames), closes=closes)


def frame_by_frame(*frames):
    """Each frame in a piece of its own."""

    def drive(connection):
        for one in frames:
            connection.send(one)

    return drive


def chopped(size, *frames):
    """All frames in pieces of so many octets."""
    return lambda connection: connection.send(b"".join(frames), size)


def octet_by_octet(*frames):
    """All frames in pieces of one octet."""
    return chopped(1, *frames)


# How each of these sends, in words.
WAYS = {together: "in one piece", frame_by_frame: "frame by frame", octet_by_octet: "octet by octet"}


def exchange(kind, contents, fragment=None, chop=None):
    """Sends a message when the one before has come back. `contents` makes them: large ones are not kept."""

    def drive(connection):
        for number, content in enumerate(contents(), 1):
            connection.send(b"".join(connection.message(kind, content, fragment)), chop)
            connection.expect(Message(kind, content), f"message {number}")

    return drive


def text(payload, **options):
    """A text frame."""
    return frame(TEXT, payload, **options)
