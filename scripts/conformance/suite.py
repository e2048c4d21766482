"""All cases, in the order of their numbers, and the runs through them."""

import copy

from . import closing, compression, fragmentation, framing, limits, own, utf8
from .case import Outcome, run
from .connection import PATIENCE

GROUPS = [
    *framing.GROUPS,
    *fragmentation.GROUPS,
    *utf8.GROUPS,
    *closing.GROUPS,
    *limits.GROUPS,
    *fragmentation.AUTOMATIC,
    *compression.GROUPS,
    *own.GROUPS,
]


def chosen(numbers):
    """The groups with the cases that these numbers select: 6.4 selects 6.4.1 to 6.4.4. Without numbers, all."""
    if not numbers:
        return GROUPS
    found = []
    for group in GROUPS:
        some = copy.copy(group)
        some.cases = [case for case in group.cases if any(is_selected(case, number) for number in numbers)]
        if some.cases:
            found.append(some)
    return found


def is_selected(case, number):
    """Whether a number means a case or what it is a part of."""
    return f"{case.number}.".startswith(f"{number}.")


def run_all(groups, port, say, patience=PATIENCE):
    """Runs the cases one after the other. The results, by number."""
    results = {}
    for group in groups:
        before = len(results)
        for case in group.cases:
            results[case.number] = run(case, port, patience)
        ran = list(results.values())[before:]
        passed = sum(result.outcome is Outcome.PASS for result in ran)
        say(f"{group.numbers()}: {passed} of {len(ran)} pass, {sum(result.seconds for result in ran):.1f} s")
    return results
