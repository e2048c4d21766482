"""PNG files with a palette, a third as large as those that Chromium writes. Pages have few colours."""

import base64
import struct
import zlib

COLOURS = 64

# The browser decodes the picture. Each pixel becomes the number of the nearest of the most frequent colours.
REDUCE = """
    (async () => {
      const picture = await createImageBitmap(await (await fetch('data:image/png;base64,%s')).blob());
      const { width, height } = picture;
      const canvas = new OffscreenCanvas(width, height).getContext('2d');
      canvas.drawImage(picture, 0, 0);
      const pixels = new Uint32Array(canvas.getImageData(0, 0, width, height).data.buffer);
      const counts = new Map();
      for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) || 0) + 1);
      const parts = (pixel) => [pixel & 255, (pixel >> 8) & 255, (pixel >> 16) & 255];
      const frequent = [...counts].sort(([, one], [, other]) => other - one);
      const away = (one, other) => one.reduce((sum, part, at) => sum + (part - other[at]) ** 2, 0);
      // A colour that looks like one before it adds nothing.
      const palette = [];
      for (const [pixel] of frequent) {
        if (palette.length === %d) break;
        if (!palette.some((known) => away(known, parts(pixel)) < 16)) palette.push(parts(pixel));
      }
      const nearest = new Map(frequent.map(([pixel]) => {
        const own = parts(pixel);
        return [pixel, palette.reduce((best, known, at) => away(known, own) < away(palette[best], own) ? at : best, 0)];
      }));
      let numbers = '';
      for (const pixel of pixels) numbers += String.fromCharCode(nearest.get(pixel));
      return { width, height, palette, numbers: btoa(numbers) };
    })()
"""


def write(page, path):
    """Writes what the viewport of the page shows."""
    picture = page.call("Page.captureScreenshot", format="png")["data"]
    # The page itself may forbid the fetch.
    empty = page.browser.page()
    made = empty.run(REDUCE % (picture, COLOURS))
    empty.close()
    width, height = made["width"], made["height"]
    numbers = base64.b64decode(made["numbers"])
    rows = b"".join(b"\0" + numbers[row * width : (row + 1) * width] for row in range(height))
    parts = [
        chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        chunk(b"PLTE", bytes(part for colour in made["palette"] for part in colour)),
        chunk(b"IDAT", zlib.compress(rows, 9)),
        chunk(b"IEND", b""),
    ]
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def chunk(kind, data):
    """A chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
