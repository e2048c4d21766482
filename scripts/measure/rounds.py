"""Rounds: every server in turn, A B C A B C ..., so that whatever else the machine does in the
meantime falls on all of them alike. What counts is the median."""

import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace

from . import client, handshakes, load as loads, scenarios, servers, websocket
from .witness import Witness

# How many times each server is started for its start-up time: a start is short and varies.
STARTS = 15

# Content from this size on leaves the floor by `sendfile`, as it leaves a server.
LARGE = 1024 * 1024

# The file that idle clients have asked for.
IDLE_PATH = "/1k.bin"


@dataclass(frozen=True)
class Figures:
    """The medians of all rounds of one server under one load."""

    cost: float
    rate: float
    p99: float
    resident: int
    errors: int
    notes: tuple
    # What is negotiated over TLS, in words; None where nothing is.
    terms: str | None

    @staticmethod
    def of(runs, terms):
        """Medians; of errors and memory the worst."""
        return Figures(
            cost=statistics.median(run.cost() for run in runs),
            rate=statistics.median(run.rate for run in runs),
            p99=statistics.median(run.p99 for run in runs),
            resident=max(run.resident for run in runs),
            errors=sum(run.errors for run in runs),
            notes=tuple(note for run in runs for note in run.notes),
            terms=terms,
        )


@dataclass(frozen=True)
class Idle:
    """What idle connections cost."""

    fresh: int  # bytes resident before the first of them
    resident: int
    proportional: int  # the same, pages shared by processes counted once
    cpu: float  # seconds of processor time
    seconds: float  # over this long


def measure_load(load, stable, names, root, rounds, seconds, say):
    """Figures by server."""
    with ExitStack() as stack:
        running = {}
        headers = {}
        for name in names:
            canned = _canned(load, running, headers, root) if name == servers.FLOOR else None
            server = stack.enter_context(stable.running(name, canned, load.is_secure))
            headers[name] = _prepare(server, load, root)
            if headers[name] is None:
                say(f"{load.name}: {name} does not do this and is left out")
            else:
                running[name] = server
        terms = _negotiated(load, running, headers) if load.is_secure else None
        runs = {name: [] for name in running}
        for number in range(rounds):
            for name, server in running.items():
                say(f"{load.name}: round {number + 1} of {rounds}, {name}", passing=True)
                runs[name].append(_run(load, server, headers[name], seconds))
        return {name: Figures.of(of_one, terms) for name, of_one in runs.items()}


def _run(load, server, headers, seconds):
    try:
        return loads.run(server, load, headers, load.seconds(seconds))
    except (RuntimeError, OSError, EOFError) as fault:
        raise RuntimeError(f"{load.name}: {server.name}: {fault}") from fault


def _prepare(server, load, root):
    """Checks that a server gives the bytes it should. The fields to ask with, or None where it
    lacks what the load is about."""
    variant = servers.VARIANTS.get(server.name)
    headers = (*load.headers, *(variant.fields if variant else ()))
    answer = client.wait_for_answer(server.tree, server.port, load.path, server.identity)
    if load.revalidates:
        headers = (*headers, _condition(answer))
    answer = client.fetch(server.port, load.path, headers, server.identity)
    if server.name != servers.FLOOR and _lacks(answer, load):
        return None
    content = scenarios.expected(load, root)
    if content is None:
        is_right = all(name in answer.content for name in scenarios.entries(load))
    else:
        is_right = answer.content == content
    if answer.status != load.status or not is_right:
        what = f"{answer.status} with {len(answer.content)} bytes"
        raise RuntimeError(f"{server.name} gives other bytes for {load.path}: {what}")
    return headers


def _negotiated(load, running, headers):
    """What every server agrees on with the load generator, overheard: the same with all of them, or
    their figures cannot be compared."""
    heard = {name: _overheard(load, server, headers[name]) for name, server in running.items()}
    if len(set(heard.values())) != 1:
        told = "; ".join(f"{name}: {terms}" for name, terms in heard.items())
        raise RuntimeError(f"{load.name}: the servers negotiate different things: {told}")
    return next(iter(heard.values()))


def _overheard(load, server, headers):
    short = replace(load, each=min(load.each, 1))
    # A second is the shortest that wrk knows.
    seconds = 0.3 if load.handshake else 1
    with Witness(server.port) as witness:
        run = _run(short, server.seen_at(witness.port), headers, seconds)
        terms = {hello.terms() for hello in witness.hellos}
        resumed = sum(hello.is_resumed for hello in witness.hellos)
    full = len(witness.hellos) - resumed
    # Whoever resumes sessions begins with a full one; nobody else resumes any.
    others = full - load.connections if load.handshake == handshakes.RESUMED else resumed
    if run.errors or others or len(terms) != 1:
        what = f"{full} full and {resumed} resumed sessions, {', '.join(sorted(terms))}"
        raise RuntimeError(f"{load.name}: {server.name}: {what}")
    return terms.pop()


def _condition(answer):
    if "etag" in answer.fields:
        return f"If-None-Match: {answer.fields['etag']}"
    return f"If-Modified-Since: {answer.fields.get('last-modified', '')}"


def _lacks(answer, load):
    is_coded = answer.fields.get("content-encoding") == "gzip"
    return load.name == "gzip" and not is_coded


def _canned(load, running, headers, root):
    """The floor replays what the server answers, byte for byte: the heads are equally long."""
    real = running[servers.DOCROOT]
    answer = client.fetch(real.port, load.path, headers[servers.DOCROOT])
    canned = root.parent / "canned"
    if len(answer.content) < LARGE or load.file() is None:
        canned.write_bytes(answer.raw)
        return [canned]
    canned.write_bytes(answer.raw[: answer.head_length])
    return [canned, root / load.file()]


def measure_echo(echo, stable, names, generator, rounds, seconds, say):
    """Figures by server; a cost is that of a unit of the echo."""
    with ExitStack() as stack:
        running = {name: stack.enter_context(stable.running(name, options=websocket.LAB)) for name in names}
        for server in running.values():
            client.wait_for_connection(server.tree, server.port)
        runs = {name: [] for name in running}
        for number in range(rounds):
            for name, server in running.items():
                say(f"{echo.name}: round {number + 1} of {rounds}, {name}", passing=True)
                runs[name].append(websocket.run(server, echo, generator, seconds))
        figures = {name: Figures.of(of_one, None) for name, of_one in runs.items()}
        return {name: replace(one, cost=one.cost / echo.units()) for name, one in figures.items()}


def measure_idle(stable, names, count, seconds, say):
    """What `count` idle connections cost each server."""
    results = {}
    for name in names:
        say(f"idle: {name}", passing=True)
        results[name], _ = _idle(stable, name, client.IdleClients, IDLE_PATH, count, seconds)
    return results


def measure_idle_websockets(stable, count, seconds, say):
    """What `count` idle WebSockets cost docroot beside as many connections of HTTP, and what pings add."""

    def idle(kind, path, timeout):
        say(f"{scenarios.IDLE_WEBSOCKETS}: {path}, {timeout} s", passing=True)
        options = (*websocket.LAB, "--idle-timeout", f"{timeout}s")
        return _idle(stable, servers.DOCROOT, kind, path, count, seconds, options)

    # Clients are pinged when half of the timeout has passed: not at all, or once.
    long, short = 60 * seconds, 2 * seconds
    http, _ = idle(client.IdleClients, IDLE_PATH, long)
    quiet, pings = idle(websocket.IdleWebSockets, websocket.ECHO, long)
    if pings:
        raise RuntimeError(f"{scenarios.IDLE_WEBSOCKETS}: {pings} pings that were not due")
    pinged, pings = idle(websocket.IdleWebSockets, websocket.ECHO, short)
    return {websocket.HTTP: http, websocket.QUIET: quiet, websocket.PINGED.format(pings=pings): pinged}


def _idle(stable, name, kind, path, count, seconds, options=()):
    """What idle clients of a kind cost a server, and what they were told in the meantime."""
    with stable.running(name, options=options) as server:
        client.wait_for_answer(server.tree, server.port, IDLE_PATH)
        fresh = server.tree.resident()
        with kind(server.port, path, count) as clients:
            # What the last of them left to do is not the cost of idling.
            time.sleep(1)
            before = server.tree.cpu()
            told = clients.idle(seconds)
            idle = Idle(
                fresh=fresh,
                resident=server.tree.resident(),
                proportional=server.tree.proportional(),
                cpu=server.tree.cpu() - before,
                seconds=seconds,
            )
            clients.check_some()
    return idle, told


def measure_start(stable, names, say):
    """Seconds from starting each server's process to the last byte of its first answer."""
    times = {name: [] for name in names}
    for number in range(STARTS):
        for name in names:
            say(f"start: {number + 1} of {STARTS}, {name}", passing=True)
            before = time.monotonic()
            with stable.running(name) as server:
                client.wait_for_answer(server.tree, server.port, "/1k.bin")
                times[name].append(time.monotonic() - before)
    return {name: statistics.median(of_one) for name, of_one in times.items()}
