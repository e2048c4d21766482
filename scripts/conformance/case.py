"""What a case is, how it runs, and how what happened is judged."""

import enum
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from .connection import CLIENT, PATIENCE, SERVER, Connection, Unexpected
from .frames import Violation, close_frame


class Outcome(enum.Enum):
    """The results of Autobahn. There, how a connection ends has a result of its own; here it counts too."""

    PASS = "pass"
    # The server did what a SHOULD advises against.
    NON_STRICT = "non-strict"
    FAIL = "fail"
    # The protocol leaves open what must happen.
    INFORMATIONAL = "informational"


@dataclass(frozen=True)
class Ending:
    """How the connection must end."""

    # Who sends the first Close frame.
    by: str
    # The status codes that the server may send. None is a Close frame without one.
    codes: tuple
    # Whether each end must send Close.
    is_clean: bool = False


# The client has what it wants and closes.
NORMAL = Ending(CLIENT, (1000,), is_clean=True)


def fails(*codes):
    """Section 7.1.7: the server fails the connection."""
    return Ending(SERVER, codes)


def answers(*codes, is_clean=True):
    """The server answers a Close frame that the case itself sends."""
    return Ending(CLIENT, codes, is_clean)


@dataclass(frozen=True)
class Case:
    """One case."""

    number: str
    # What the client does.
    does: str
    # Does it, on an open connection.
    drive: Callable
    # The events that must arrive, by what they are worth.
    expected: dict = field(default_factory=lambda: {Outcome.PASS: []})
    ending: Ending = NORMAL
    # The configurations of permessage-deflate that the client offers.
    offers: tuple = ()
    is_informational: bool = False


@dataclass(frozen=True)
class Result:
    """What a case showed."""

    case: Case
    outcome: Outcome
    # Why it is not a plain pass.
    reason: str
    seconds: float


def expecting(*events):
    """These events pass, and no others."""
    return {Outcome.PASS: list(events)}


def run(case, port, patience=PATIENCE):
    """Runs a case on a connection of its own."""
    begun = time.monotonic()
    try:
        with Connection(port, case.offers, patience) as connection:
            case.drive(connection)
            finish(case, connection)
            outcome, reason = judge(case, connection)
    except Violation as fault:
        outcome, reason = Outcome.FAIL, f"violation: {fault}"
    except (Unexpected, OSError) as fault:
        outcome, reason = Outcome.FAIL, str(fault)
    return Result(case, outcome, reason, time.monotonic() - begun)


def finish(case, connection):
    """Waits for what must happen, closes if the client has to, and waits for the end."""
    if case.ending.by == CLIENT and not connection.has_sent_close:
        connection.wait_for_events(len(case.expected[Outcome.PASS]))
        connection.send(close_frame(case.ending.codes[0]), closes=True)
    connection.wait(lambda: False)


def judge(case, connection):
    """The outcome of a connection that has ended, and the reason for it."""
    if case.is_informational:
        return Outcome.INFORMATIONAL, happened(connection)
    outcome = next((one for one, events in case.expected.items() if events == connection.events), Outcome.FAIL)
    if outcome is Outcome.FAIL:
        wanted = told(case.expected[Outcome.PASS])
        return outcome, f"{told(connection.events)} instead of {wanted}{connection.how_it_ended()}"
    end, reason = judge_end(case.ending, connection)
    if end is not Outcome.PASS:
        return end, reason
    return outcome, "" if outcome is Outcome.PASS else told(connection.events)


def judge_end(ending, connection):
    """How the connection ended."""
    if connection.closed_by != ending.by:
        return Outcome.FAIL, f"{connection.closed_by or 'nobody'} closed{connection.how_it_ended()}"
    if connection.close is None:
        return end_without_close(ending, connection)
    if connection.close.code is not None and connection.close.code not in ending.codes:
        wanted = " or ".join(str(code) for code in ending.codes if code)
        return Outcome.FAIL, f"the server closed with {connection.close.code} instead of {wanted}"
    if not connection.is_over:
        return Outcome.NON_STRICT, "the server leaves it to the client to end TCP (RFC 6455 section 7.1.1)"
    if connection.close.code is None and None not in ending.codes:
        return Outcome.NON_STRICT, "the Close frame has no status code"
    return Outcome.PASS, ""


def end_without_close(ending, connection):
    """No Close frame came: allowed where the client broke the protocol."""
    if ending.is_clean:
        return Outcome.FAIL, "the server did not answer the Close frame"
    if not connection.is_over:
        return Outcome.FAIL, "the server kept the connection open"
    return Outcome.NON_STRICT, "the server ended TCP without a Close frame (RFC 6455 section 7.1.7)"


def happened(connection):
    """What a connection showed, for a case that does not judge."""
    close = connection.close
    how = f"Close with {close.code or 'no code'}" if close else "the end of TCP" if connection.is_over else "nothing"
    return f"{told(connection.events)}, then {how}"


def told(events):
    """The events, for a message."""
    return ", ".join(str(event) for event in events) or "no event"
