"""Shows that the cases can fail: servers that break one rule each are found, and one that breaks none passes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from . import suite
from .case import Outcome, run
from .peer import Peer

# The time for what never comes. Nothing that does come takes so long.
PATIENCE = 3.0
AT_ONCE = 16


@dataclass(frozen=True)
class Fault:
    """A rule that a server breaks, and the cases that must notice."""

    does: str
    cases: str
    outcome: Outcome = Outcome.FAIL


# Which case has which number is told by the modules of the sections.
FAULTS = (
    Fault("answers another key", "1.1.1"),
    Fault("masks its frames", "1.1.2"),
    Fault("writes lengths in more octets", "1.1.2 2.1"),
    Fault("sets RSV1", "1.1.2"),
    Fault("changes text to binary", "1.1.1 6.2.1 9.1.1"),
    Fault("loses the last octet", "1.1.2 1.2.8 5.3 9.2.1 9.3.9 9.5.6 10.1.1 12.1.5"),
    Fault("does not answer pings", "2.1 2.6 2.9 5.6"),
    Fault("answers pings with empty pongs", "2.2 2.11 5.8"),
    Fault("answers pongs", "2.7 2.8 2.9"),
    Fault("accepts long control frames", "2.5 7.3.6"),
    Fault("ignores reserved bits", "3.1 3.2 3.4 3.5 3.6 D.6.7 D.6.8"),
    Fault("ignores reserved bits", "3.7", Outcome.NON_STRICT),
    Fault("ignores reserved opcodes", "4.1.1 4.1.3 4.2.2 4.2.5"),
    Fault("accepts control frames in fragments", "5.1 D.2.7 D.2.8 D.2.9"),
    Fault("accepts continuations of nothing", "5.9 5.11 5.14 5.15 5.16 5.17"),
    Fault("accepts a message within another", "5.18"),
    Fault("answers pings after the message", "5.6 5.7 5.19 5.20"),
    Fault("does not check texts", "6.3.1 6.3.2 6.8.1 6.12.1 6.16.1 6.17.1 6.18.5 D.6.10"),
    Fault("checks texts at their end", "6.4.1 6.4.2", Outcome.NON_STRICT),
    Fault("accepts surrogates", "6.3.1 6.20.1 6.21.8"),
    Fault("fails texts with 1002", "6.3.1 6.4.1 6.14.1"),
    Fault("ends TCP without an answer to Close", "1.1.1 7.3.3 7.7.1"),
    Fault("ends TCP without an answer to Close", "7.9.1 7.3.2", Outcome.NON_STRICT),
    Fault("answers pings after Close", "7.1.2 7.1.3"),
    Fault("sends a message after Close", "7.1.1 7.1.4 7.7.2"),
    Fault("accepts half a status code", "7.3.2"),
    Fault("does not check reasons", "7.5.1"),
    Fault("answers Close with 1001", "7.3.3 7.7.1 7.7.13"),
    Fault("accepts every status code", "7.9.1 7.9.6 7.9.9 D.3.4"),
    Fault("leaves it to the client to end TCP", "1.1.1 3.1 7.7.1", Outcome.NON_STRICT),
    Fault("fails without a Close frame", "3.1 4.1.1 5.9 6.3.1", Outcome.NON_STRICT),
    Fault("refuses more than 1 MiB", "9.1.4 9.2.6"),
    Fault("has no limit", "D.1.1 D.1.3 D.1.4"),
    Fault("never compresses", "12.1.1 13.1.1 D.4.1 D.6.1"),
    Fault("keeps its context", "13.2.5 13.5.11 13.6.18 D.4.2"),
    Fault("uses a larger window", "13.3.10 13.5.18 D.4.4 D.4.8"),
    Fault("forgets the context of the client", "D.4.1"),
    Fault("ignores what cannot be decompressed", "D.6.9"),
    Fault("accepts every offer", "D.5.1 D.5.2 D.5.4 D.5.7"),
    Fault("accepts frames without a mask", "D.2.1 D.2.2"),
    Fault("accepts lengths in more octets", "D.2.3 D.2.4 D.2.5"),
    Fault("knows only the status codes of the RFC", "D.3.1 D.3.3"),
)

# No case can pass here.
ALWAYS = "closes every connection with 4123"


def faults():
    """What the servers do wrong."""
    return {ALWAYS, *(fault.does for fault in FAULTS)}


def complaints():
    """What the cases did not notice, or noticed where nothing was wrong."""
    checks = [(number, fault.does, fault.outcome) for fault in FAULTS for number in fault.cases.split()]
    checks += [(number, None, Outcome.PASS) for number in sorted({number for number, _, _ in checks})]
    every = [case for group in suite.GROUPS for case in group.cases if not case.is_informational]
    checks += [(case.number, ALWAYS, Outcome.FAIL) for case in every]
    known = {case.number: case for case in every}
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda check: complaint(known[check[0]], *check[1:]), checks)
        return [one for one in found if one]


def complaint(case, fault, wanted):
    """Runs a case on a server with a fault, or without one. None: the outcome is the wanted one."""
    with Peer(fault) as peer:
        result = run(case, peer.port, PATIENCE)
    if peer.errors:
        return f"{case.number}: the server of this check failed: {peer.errors[0]!r}"
    if result.outcome is wanted:
        return None
    return f"{case.number}: a server that {fault or 'does everything right'}: {told(result)} instead of {wanted.value}"


def told(result):
    """A result, for a message."""
    return f"{result.outcome.value} ({result.reason})" if result.reason else result.outcome.value
