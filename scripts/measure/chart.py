"""The chart: server CPU time per request, as an SVG.

It is drawn from a report in Markdown and not from the results of a run. Whoever has the committed
report can therefore draw the committed chart without measuring again:

    python3 -m measure.chart            draws scripts/measure/pictures/cpu.svg from RESULTS.md
    python3 -m measure.chart --check    fails if that chart, or a row in the README, is out of date
"""

import argparse
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from . import report, scenarios
from .servers import DOCROOT, FLOOR, LIGHTTPD, NGINX, NGINX_CACHED

FOLDER = Path(__file__).resolve().parent
REPORT = FOLDER / "RESULTS.md"
CHART = FOLDER / "pictures" / "cpu.svg"
README = FOLDER.parents[1] / "README.md"

# One panel for each of these scenarios. The whole table is too long for a picture.
SCENARIOS = ("1k-c64", "1k-c10000", "100k", "10m", "gzip", "close", "range", "list-1000")

# One bar for each of these servers, in this order.
SERVERS = (DOCROOT, NGINX_CACHED, NGINX, LIGHTTPD, FLOOR)

# All lengths are in pixels.
WIDTH = 900
MARGIN = 28
COLUMNS = 2
GUTTER = 36
PANEL_WIDTH = (WIDTH - 2 * MARGIN - (COLUMNS - 1) * GUTTER) // COLUMNS
PANEL_TITLE = 24
PANEL_GAP = 22
BAR_STEP = 21
BAR_HEIGHT = 13
LABEL_WIDTH = 176
VALUE_WIDTH = 56
BAR_LENGTH = PANEL_WIDTH - LABEL_WIDTH - VALUE_WIDTH
HEADER = 86
FOOTER = 58

STYLE = """\
svg { --paper: #fdfcf9; --edge: #dcdad4; --ink: #1f2528; --faint: #5f666b; --own: #0b6b66; --peer: #8d9498; }
@media (prefers-color-scheme: dark) {
svg { --paper: #16191c; --edge: #33393d; --ink: #e4e6e7; --faint: #a3a9ad; --own: #5fcdbd; --peer: #6b7479; }
}
text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: var(--ink); }
.heading { font-size: 18px; font-weight: 600; }
.title { font-size: 14px; font-weight: 600; }
.faint { fill: var(--faint); }
.own { font-weight: 600; }
rect.paper { fill: var(--paper); stroke: var(--edge); }
rect.own { fill: var(--own); }
rect.peer { fill: var(--peer); }
rect.floor { fill: none; stroke: var(--faint); stroke-dasharray: 3 2; }"""

HEADING = "Server CPU time per request"
READING = "In µs; a shorter bar is better. Each panel has its own scale."
FLOOR_NOTE = "floor: not a server; it replays a recorded response and parses nothing."


@dataclass(frozen=True)
class Panel:
    """One scenario: its title, and the cost by server as the report prints it."""

    title: str
    costs: dict


@dataclass(frozen=True)
class Figures:
    """What the chart shows of a report."""

    # The line that names the date, the machine and the versions.
    origin: str
    panels: list


def draw(markdown):
    """The SVG for a report in Markdown."""
    figures = read(markdown)
    height_of_panel = PANEL_TITLE + BAR_STEP * len(SERVERS) + PANEL_GAP
    rows = -(-len(figures.panels) // COLUMNS)
    height = HEADER + rows * height_of_panel + FOOTER
    parts = [_begin(height), _text(MARGIN, 38, HEADING, "heading"), _text(MARGIN, 60, READING, "faint")]
    for number, panel in enumerate(figures.panels):
        left = MARGIN + number % COLUMNS * (PANEL_WIDTH + GUTTER)
        top = HEADER + number // COLUMNS * height_of_panel
        parts += _panel(panel, left, top)
    parts += [
        _text(MARGIN, height - 42, FLOOR_NOTE, "faint"),
        _text(MARGIN, height - 22, figures.origin, "faint"),
        "</svg>\n",
    ]
    return "\n".join(parts)


def read(markdown):
    """Finds the figures in a report. A `ValueError` says what is missing."""
    lines = markdown.splitlines()
    origin = next((line for line in lines if re.match(r"\d{4}-\d\d-\d\d; ", line)), None)
    if origin is None:
        raise ValueError("the report has no line that begins with its date, such as '2026-11-21; '")
    rows = _cost_rows(lines)
    titles = {load.name: load.title for load in scenarios.LOADS}
    wanted = [titles[name] for name in SCENARIOS]
    panels = [Panel(_spelled_out(title), rows[title]) for title in wanted if title in rows]
    if not panels:
        raise ValueError("the report has no scenario that the chart shows")
    return Figures(origin, panels)


def _cost_rows(lines):
    """The first table below the heading of costs: from a title to the cost by server."""
    heading = next((at for at, line in enumerate(lines) if line.startswith(report.COST_HEADING)), None)
    if heading is None:
        raise ValueError(f"the report has no table below {report.COST_HEADING!r}")
    # The heading, an empty line, then the table up to the next empty line.
    table = lines[heading + 2 :]
    end = table.index("") if "" in table else len(table)
    header, _, *body = [[cell.strip() for cell in line.strip("|").split("|")] for line in table[:end]]
    return {title: dict(zip(header[1:], map(_number, cells))) for title, *cells in body}


def _number(cell):
    """The cost without the share in brackets; empty if the server did not take part."""
    return cell.partition(" ")[0]


def _spelled_out(title):
    """A scenario's title for readers who do not know what `c=64` means."""

    def connections(match):
        count = int(match[1])
        return f", {count:,} connection{'' if count == 1 else 's'}"

    words = re.sub(r", c=(\d+)", connections, title.replace("`", ""))
    return words[0].upper() + words[1:]


def _begin(height):
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img">
<title>{HEADING}</title>
<style>
{STYLE}
</style>
<rect class="paper" x="0.5" y="0.5" width="{WIDTH - 1}" height="{height - 1}" rx="8"/>"""


def _panel(panel, left, top):
    """The title and the bars. The longest bar fills the width, so each panel has its own scale."""
    costs = {name: panel.costs.get(name) for name in SERVERS}
    longest = max(_value(cost) for cost in costs.values() if cost)
    parts = [_text(left, top + 14, panel.title, "title")]
    for number, (name, cost) in enumerate(costs.items()):
        if cost:
            y = top + PANEL_TITLE + number * BAR_STEP
            parts += _bar(name, cost, _value(cost) / longest, left, y)
    return parts


def _bar(name, cost, share, left, y):
    kind = {DOCROOT: "own", FLOOR: "floor"}.get(name, "peer")
    words = "own" if name == DOCROOT else ""
    begin, length = left + LABEL_WIDTH, max(1, share * BAR_LENGTH)
    baseline = y + BAR_HEIGHT - 2
    return [
        _text(begin - 8, baseline, name, words, anchor="end"),
        f'<rect class="{kind}" x="{begin}" y="{y}" width="{length:.1f}" height="{BAR_HEIGHT}"/>',
        _text(f"{begin + length + 6:.1f}", baseline, cost, words),
    ]


def _value(cost):
    return float(cost.replace(",", ""))


def _text(x, y, text, kind="", anchor=""):
    attributes = f' class="{kind}"' if kind else ""
    attributes += f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x}" y="{y}"{attributes}>{escape(text)}</text>'


def stale_rows(readme, markdown):
    """The rows of figures in the README that differ from those of the report."""
    titles = tuple(f"| {load.title} |" for load in scenarios.LOADS + scenarios.ECHOES)
    rows = set(markdown.splitlines())
    return [line for line in readme.splitlines() if line.startswith(titles) and line not in rows]


def main():
    parser = argparse.ArgumentParser(prog="measure.chart", description="Draws the chart from RESULTS.md.")
    parser.add_argument("--check", action="store_true", help="draw nothing; fail if the chart or the README is stale")
    options = parser.parse_args()
    markdown = REPORT.read_text()
    drawn = draw(markdown)
    if not options.check:
        CHART.write_text(drawn)
        return
    if not CHART.exists() or CHART.read_text() != drawn:
        sys.exit(f"{CHART} does not show the figures of {REPORT}; run `python3 -m measure.chart` in scripts")
    stale = stale_rows(README.read_text(), markdown)
    if stale:
        sys.exit("\n".join([f"{README} has rows that are not in {REPORT}:", *stale]))


if __name__ == "__main__":
    main()
