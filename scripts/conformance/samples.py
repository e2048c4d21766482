"""What the cases of compression send: five kinds of data, the same in each run.

Autobahn uses files of these kinds and about these sizes: data in JSON, a picture, a book, a page and a PDF
file.
"""

import functools
import json
import math
import random

WORDS = """Haus Straße über können Wärme Licht Abend durch während größer Wasser Garten leise immer Brücke
sehen nicht Menschen kommen öffnen zwischen Fenster Morgen klein Regen schön""".split()


@functools.cache
def records():
    """Data in JSON: 194 KB of ASCII."""
    chance = random.Random(1)
    found = [
        {
            "id": number,
            "name": " ".join(chance.choices(("north", "south", "harbour", "bridge", "market", "station"), k=3)),
            "position": [round(chance.uniform(-90, 90), 6), round(chance.uniform(-180, 180), 6)],
            "tags": chance.sample(("open", "closed", "public", "staffed", "covered"), 2),
        }
        for number in range(1_800)
    ]
    return json.dumps(found).encode()[:194_056]


@functools.cache
def picture():
    """A bitmap of 512 × 512 greys: waves with some noise."""
    chance = random.Random(2)
    noise = chance.randbytes(512 * 512)
    wave = [round(60 * math.sin(at / 40)) for at in range(512)]
    pixels = bytes(128 + wave[at % 512] + wave[at // 512] + noise[at] % 7 for at in range(512 * 512))
    return b"BM" + bytes(1_076) + pixels


@functools.cache
def book():
    """Prose in German: 222 KB of UTF-8."""
    chance = random.Random(3)
    lines = [" ".join(chance.choices(WORDS, k=9)).capitalize() + "." for _ in range(4_000)]
    return "\n".join(lines).encode()[:222_218]


@functools.cache
def page():
    """A page with a long table: 264 KB of ASCII."""
    chance = random.Random(4)
    rows = [
        f'<tr class="row"><td><a href="/item/{number}">item {number}</a></td><td>{chance.randrange(10**6)}</td></tr>\n'
        for number in range(3_600)
    ]
    return f"<!doctype html><title>Items</title><table>\n{''.join(rows)}</table>".encode()[:263_527]


@functools.cache
def document():
    """1 MB that hardly becomes shorter: streams that are compressed already, with some text between them."""
    chance = random.Random(5)
    streams = [
        b"%d 0 obj << /Length 4000 >> stream\n%s\nendstream endobj\n" % (number, chance.randbytes(4_000))
        for number in range(258)
    ]
    return b"%PDF-1.4\n" + b"".join(streams)


def slices(sample, size, count):
    """So many messages of a size: parts of a sample, each where the last one ended, and round again."""
    content = sample()
    for number in range(count):
        start = number * size % len(content)
        yield (content[start:] + content)[:size] if start + size > len(content) else content[start : start + size]
