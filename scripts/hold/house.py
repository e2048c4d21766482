"""Where a run takes place: the server under test, its folder, and the verdicts."""

import re
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass

from measure.process import Tree

# How long a start may take.
PATIENCE = 10.0

# What the server's own panic hook says, also of a panic that it survives.
PANIC = "panicked at"


@dataclass(frozen=True)
class Row:
    """One thing that must hold."""

    scenario: str
    must: str
    measured: str
    held: bool


class Server:
    """A server that runs."""

    def __init__(self, tree, port, complaints):
        self.tree = tree
        self.port = port
        # Set by whoever ends it on purpose.
        self.may_end = False
        self._complaints = complaints

    def complaints(self):
        """What it wrote to the standard error, the banner first."""
        return self._complaints.read_text(errors="replace")

    def has_settled(self, descriptors, patience=PATIENCE):
        """Waits until no more than so many descriptors are open, those of private copies left
        aside, which may stay; whether that came."""
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            if self.tree.descriptors() - self.tree.copies() <= descriptors:
                return True
            time.sleep(0.05)
        return False


class House:
    """Starts servers; what they write and serve goes into a folder of this run."""

    def __init__(self, binary, folder, minutes):
        self.minutes = minutes
        self.folder = folder
        self._binary = binary
        self._started = 0

    def root(self, name):
        """An empty document root."""
        root = self.folder / name
        root.mkdir()
        return root

    @contextmanager
    def serving(self, root, *options, descriptors=None, space=None, log=None, within=(), at="127.0.0.1", port=0, binary=None):
        """A server that listens, until the end of the block: with so many `descriptors` and bytes of
        address `space` at most, and an access log where there is a file for it. It is started by the
        command `within`, and listens at the address `at`, at the port `port` or any. `binary` is another build of docroot."""
        self._started += 1
        complaints = self.folder / f"complaints-{self._started}"
        command = [*within, binary or self._binary, "--bind", at, "--port", str(port), *options]
        if log is None:
            command += ["--log-format", "off"]
        command.append(root)
        # Limits that a server finds at its start, as a service manager would set them.
        if descriptors:
            command = limited(f"-n {descriptors}", command)
        if space:
            command = limited(f"-v {space >> 10}", command)
        with open(complaints, "wb") as errors:
            tree = Tree(command, log or subprocess.DEVNULL, errors)
        server = Server(tree, None, complaints)
        try:
            server.port = _port(server, at)
            yield server
            _check(server)
        finally:
            tree.stop()


def limited(limit, command):
    """The same command under a limit of the shell's `ulimit`."""
    return ["/bin/sh", "-c", f'ulimit {limit} && exec "$@"', "sh", *command]


def _port(server, address):
    """The port that the system chose, as the banner tells it."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.tree.is_alive():
        found = re.search(rf"http://{re.escape(address)}:(\d+)", server.complaints())
        if found:
            return int(found.group(1))
        time.sleep(0.005)
    raise RuntimeError(f"the server does not start: {server.complaints()}")


def _check(server):
    if not server.may_end and not server.tree.is_alive():
        raise RuntimeError(f"the server ended by itself, status {server.tree.child.returncode}")
    if PANIC in server.complaints():
        raise RuntimeError(f"the server panicked: {server.complaints()}")


def percentile(times, part=0.99):
    """The time below which this part of them lies."""
    ordered = sorted(times)
    return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else float("inf")


def milliseconds(seconds):
    """A time for a table."""
    return f"{seconds * 1000:.1f} ms"
