"""The results as Markdown, as RESULTS.md keeps them."""

from measure import machine, report

from .case import Outcome

# In this order.
OUTCOMES = (Outcome.PASS, Outcome.NON_STRICT, Outcome.INFORMATIONAL, Outcome.FAIL)

INTRODUCTION = """\
`scripts/websocket-conformance` runs a client against the echo of `docroot --lab` over loopback. The cases of sections 1 to 13, their
numbers and what they expect are those of the [Autobahn test suite](https://github.com/crossbario/autobahn-testsuite). The client and
the code of the cases are docroot's own. Section D has cases that Autobahn lacks. The client also checks each frame of the server: it
has no mask, its length is in the shortest form, its bits and its opcode are defined, and it does not follow a Close frame.

- **pass**: the server did what the protocol asks for. The right end closed first, with the right status code, and the server ended TCP.
- **non-strict**: the server did something that the protocol only advises against.
- **informational**: the protocol leaves open what happens.
- **fail**: anything else.

The differences from Autobahn:

- How a connection ends is part of the result. A Close frame without a status code is non-strict where Autobahn accepts it.
- In section 9, the content of messages is compared, and not only their length.
- In sections 12 and 13, the messages have the same sizes and hold the same kinds of data, but they do not come from the same files.
  Autobahn sends 1,000 messages of each size. Here they make up 1 MiB, but there are at least 20 and at most 1,000.

`scripts/websocket-conformance --self-test` shows that the cases can fail: it runs them against servers that break one rule each."""


def markdown(groups, results, seconds):
    """The whole text. `results` by number of the case."""
    parts = [
        machine.describe(),
        f"{summary(results.values())}, in {seconds:.0f} s.",
        table(groups, results),
        *others(results.values()),
    ]
    return "\n\n".join(parts)


def document(text):
    """The file."""
    return f"# WebSocket conformance\n\n{INTRODUCTION}\n\n{text}\n"


def summary(results):
    """How many cases, and how they came out."""
    return f"{len(results):,} cases: {counts(results)}"


def counts(results):
    """How many results of each kind."""
    found = [(one, sum(result.outcome is one for result in results)) for one in OUTCOMES]
    return ", ".join(f"{count} {name(one)}" for one, count in found if count)


def name(outcome):
    """What to see at a glance stands out."""
    return f"**{outcome.value}**" if outcome is Outcome.FAIL else outcome.value


def table(groups, results):
    """A row for each group; its section stands in the first one."""
    rows = []
    section = None
    for group in groups:
        heading = "" if group.section == section else f"**{group.section}**"
        section = group.section
        rows.append([heading, group.numbers(), group.checks, counts([results[case.number] for case in group.cases])])
    return report.table(["section", "cases", "what is checked", "result"], rows, rule="---")


def others(results):
    """What is not a plain pass, one by one."""
    rows = [
        [result.case.number, result.case.does, name(result.outcome), result.reason.replace("|", "\\|")]
        for result in results
        if result.outcome is not Outcome.PASS
    ]
    if not rows:
        return []
    return ["Other results than pass:", report.table(["case", "the client sends", "result", "what happened"], rows, rule="---")]
