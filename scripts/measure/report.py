"""The report: Markdown, as RESULTS.md shows it."""

from . import machine, scenarios
from .servers import DOCROOT, ECHOING, VARIANTS
from .targets import MB, verdicts

INTRODUCTION = """\
All servers run in turn on one machine over loopback, with {workers} workers each and the same files.
First the benchmark checks that all of them send the same bytes. Figures are medians of {rounds} rounds
of {seconds} s. The figure that counts is the CPU time per request of the server's whole process tree.
Requests per second say less, because the load generator runs on the same machine. The floor is not a
server: it replays a recorded response and parses nothing."""

SECURE = """\
Over TLS all servers use the same ECDSA P-256 certificate. With the load generators they negotiate the
same parameters: {terms}. docroot is built with the feature `tls` for these scenarios."""

WEBSOCKET = """\
The peer is an echo server with the crate tungstenite, which blocks and uses one thread per connection. Its
buffers have the sizes of the crate. docroot echoes with `--lab`. The load generator sends a message when the
echo of the one before has come, and compares every byte of it. "deflate" is permessage-deflate with text, which
tungstenite does not have."""

OPTIONS = """\
One option at a time, with {title}: docroot beside itself, built with all features. Where an option looks at
a field of the request, the client sends it."""

# The chart finds its table by this heading.
COST_HEADING = "**CPU per request, in µs**"


def markdown(results, names, introduction):
    """The whole report."""
    loads = [load for load in scenarios.LOADS if load.name in results.loads]
    # wrk cannot time the single requests of a pipelined batch.
    timed = [load for load in loads if load.pipelined == 1]
    parts = [machine.describe(("wrk", "nginx", "lighttpd", "openssl")), introduction]
    if loads:
        parts += [
            *_secure(loads, results),
            f"{COST_HEADING}; in brackets: docroot's cost divided by this server's.",
            _table(loads, results, names, _cost),
            *_rates("Requests", loads, timed, results, names),
        ]
        parts += _errors(loads, results)
    parts += _options(results)
    parts += _websocket(results)
    if results.idle:
        parts += ["**10,000 idle connections, each after one request**", _idle_table(results.idle)]
    if results.idle_websockets:
        title = "**10,000 idle connections of docroot, each after one request or message**"
        parts += [title, _idle_table(results.idle_websockets)]
    if results.start:
        parts += ["**Start to first answer**", _start_table(results.start)]
    if results.size:
        parts.append(f"**Stripped binary**: {results.size / MB:.2f} MB")
    judged = verdicts(results)
    if judged:
        parts += ["**Targets**", _verdict_table(judged)]
    return "\n\n".join(parts)


def table(header, rows, rule="---:"):
    """A table; `rule` aligns every column except the first."""
    lines = [header, ["---"] + [rule] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _table(loads, results, names, cell):
    """A table of the servers that took part."""
    names = [name for name in names if any(name in results.loads[load.name] for load in loads)]
    return table(["", *names], _rows(loads, results, names, cell))


def _rows(loads, results, names, cell):
    rows = []
    for load in loads:
        figures = results.loads[load.name]
        own = figures.get(DOCROOT)
        cells = [cell(figures[name], own) if name in figures else "" for name in names]
        rows.append([load.title, *cells])
    return rows


def _cost(figures, own):
    cost = figures.cost * 1e6
    text = f"{cost:.1f}" if cost < 1000 else f"{cost:,.0f}"
    if own is None or own is figures:
        return text
    return f"{text} ({own.cost / figures.cost:.2f})"


def _short(number):
    return f"{number / 1000:,.1f} k" if number >= 1000 else f"{number:.1f}"


def _time(seconds):
    return f"{seconds * 1000:.2f} ms" if seconds < 1 else f"{seconds:.2f} s"


def _rates(what, loads, timed, results, names):
    """What `loads` did per second and held, and how long those took that were timed."""
    return [
        f"**{what} per second**",
        _table(loads, results, names, lambda figures, _: _short(figures.rate)),
        "**p99 latency**",
        _table(timed, results, names, lambda figures, _: _time(figures.p99)),
        "**Highest resident memory, in MB**",
        _table(loads, results, names, lambda figures, _: f"{figures.resident / MB:.1f}"),
    ]


def _secure(loads, results):
    terms = {figures.terms for load in loads for figures in results.loads[load.name].values()}
    told = sorted(terms - {None})
    return [SECURE.format(terms="; or ".join(told))] if told else []


def _errors(loads, results):
    lines = [
        f"- {load.title}, {name}: {figures.errors} errors ({'; '.join(figures.notes)})"
        for load in loads
        for name, figures in results.loads[load.name].items()
        if figures.errors
    ]
    return ["**Errors**", "\n".join(lines)] if lines else []


def _options(results):
    if not results.options:
        return []
    load = next(load for load in scenarios.LOADS if load.name == scenarios.OPTIONS_LOAD)
    plain = results.options[DOCROOT].cost
    rows = [
        [f"`{name}`" if name in VARIANTS else "none", f"{one.cost * 1e6:.1f}", f"{one.cost / plain:.2f}"]
        for name, one in results.options.items()
    ]
    return [
        OPTIONS.format(title=load.title),
        "**CPU per request with an option, in µs**",
        table(["option", "µs", "of none"], rows),
    ]


def _websocket(results):
    echoes = [echo for echo in scenarios.ECHOES if echo.name in results.loads]
    if not echoes:
        return []
    costs = [
        [echo.title, echo.unit(), *cells]
        for echo, (_, *cells) in zip(echoes, _rows(echoes, results, ECHOING, _cost))
    ]
    return [
        WEBSOCKET,
        "**WebSocket: CPU per message or per MB, in µs**; in brackets: docroot's cost divided by this server's.",
        table(["", "per", *ECHOING], costs),
        *_rates("Messages", echoes, echoes, results, ECHOING),
    ]


def _idle_table(idle):
    rows = [
        [
            name,
            f"{one.fresh / MB:.1f}",
            f"{one.resident / MB:.1f}",
            f"{one.proportional / MB:.1f}",
            f"{one.cpu * 1000:.1f} ms in {one.seconds:.0f} s",
        ]
        for name, one in idle.items()
    ]
    header = ["", "MB at start", "MB", "MB, shared pages counted once", "CPU"]
    return table(header, rows)


def _start_table(start):
    return table(["", "ms"], [[name, f"{seconds * 1000:.1f}"] for name, seconds in start.items()])


def _verdict_table(judged):
    rows = [[one.text, one.measured, "met" if one.is_met else "**missed**"] for one in judged]
    return table(["target", "measured", ""], rows)
