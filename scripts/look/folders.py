"""Folders whose listings are looked at. They are the same in each run."""

import os
import random
import struct
import zlib

WORDS = "report photo harbour minutes budget invoice draft notes letter archive sunset summary chart café".split()
ENDS = "pdf jpg png txt md rs py mp4 mp3 zip tar.gz html json csv docx bin".split()
LARGEST = 50_000_000

# 2026-11-01T12:00:00Z. Files are up to three years older.
NEWEST = 1_793_534_400
YEARS = 3 * 365 * 86_400

README = """# Harbour

Photos and minutes of the harbour, from 2023 on.

    docroot harbour
"""


def make(root):
    """Makes the folders below `root`."""
    chance = random.Random(1)
    few = root / "few"
    few.mkdir(parents=True)
    (few / "letters").mkdir()
    (few / "README.md").write_text(README)
    touch(chance, few / "tide table.csv")
    touch(chance, few / ("a name that is much too long for one line, and for two lines as well, " * 3 + ".txt"))
    (few / "bell\u202evaw.exe").touch()
    (few / "newest letters").symlink_to("letters")
    for name, count in (("many", 300), ("crowd", 5000)):
        fill(chance, root / name, count)
    images = root / "images"
    images.mkdir()
    for number in range(40):
        colour = tuple(chance.randrange(256) for _ in range(3))
        (images / f"sunset {number}.png").write_bytes(picture(colour, 320, 120 + 20 * (number % 10)))
    for end in ENDS:
        touch(chance, images / f"notes.{end}")


def fill(chance, folder, count):
    """Makes a folder of four folders and so many files."""
    folder.mkdir()
    for number in range(4):
        (folder / f"{chance.choice(WORDS)} {2023 + number}").mkdir()
    for number in range(count):
        words = "-".join(chance.sample(WORDS, 2))
        touch(chance, folder / f"{words}-{2015 + number % 12}-{number}.{chance.choice(ENDS)}")


def touch(chance, path):
    """Makes a sparse file of any size and age."""
    path.touch()
    os.truncate(path, int(LARGEST ** chance.random()))
    time = NEWEST - chance.randrange(YEARS)
    os.utime(path, (time, time))


def picture(colour, width, height):
    """A PNG of a colour that becomes darker towards the bottom."""
    rows = b"".join(
        b"\0" + bytes(part * (height - row // 2) // height for part in colour) * width for row in range(height)
    )

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
