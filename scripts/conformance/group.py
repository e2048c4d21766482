"""Cases that share a row of the results."""


class Group:
    """Some cases of a section. `checks` says in a few words what they are about."""

    def __init__(self, section, checks, cases):
        self.section = section
        self.checks = checks
        self.cases = list(cases)

    def numbers(self):
        """The first number and the last."""
        first, last = self.cases[0].number, self.cases[-1].number
        return first if first == last else f"{first} to {last}"
