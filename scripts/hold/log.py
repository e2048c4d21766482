"""An access log that cannot be written."""

import os
import shutil
import subprocess
import time
from contextlib import contextmanager

from measure import client, machine

from . import clients
from .house import Row, milliseconds

NAME = "log that cannot be written"

REQUESTS = 20_000
SECONDS = 2
CPU = 0.050
# The server complains when it begins to fail, not for every line.
COMPLAINTS = 3


def run(house, say):
    """The rows."""
    root = house.root("log")
    (root / "small.txt").write_bytes(b"x" * 1024)
    with open("/dev/full", "wb") as full:
        rows = [goes_on(house, root, full, "to /dev/full")]
    rows.append(unread(house, root))
    with small_disk(house) as folder:
        if folder is None:
            say(f"{NAME}: a small disk cannot be mounted here; /dev/full stands for it")
        else:
            rows.append(filled(house, root, folder))
    return rows


def goes_on(house, root, log, what):
    """Serving goes on without a log, and the server does not spend itself on trying."""
    with house.serving(root, "--log-format", "combined", log=log) as server:
        answered, took = ask_many(server.port)
        before = server.tree.cpu()
        time.sleep(SECONDS)
        used = server.tree.cpu() - before
        complaints = server.complaints().count("log cannot be written")
    is_known = complaints <= COMPLAINTS and (complaints > 0 or what.startswith("to a pipe"))
    return Row(
        NAME,
        f"{what}: {REQUESTS:,} requests answered, at most {COMPLAINTS} complaints, no CPU when idle",
        f"{answered:,} in {took:.1f} s; {complaints} complaints; {milliseconds(used)} in {SECONDS} s",
        answered == REQUESTS and is_known and used < CPU,
    )


def ask_many(port):
    """How many of the requests are answered with 200, and seconds."""
    begun = time.monotonic()
    answered = 0
    with clients.connect(port) as connection:
        for _ in range(REQUESTS):
            answered += clients.ask(connection, port, "/small.txt").status == 200
    return answered, time.monotonic() - begun


def unread(house, root):
    """A pipe whose reader does not read: a write would wait for ever."""
    reader, writer = os.pipe()
    try:
        return goes_on(house, root, writer, "to a pipe that nobody reads")
    finally:
        os.close(reader)
        os.close(writer)


@contextmanager
def small_disk(house):
    """A file system with little room, where this user may mount one; else None."""
    folder = house.root("disk")
    mount, unmount = machine.tool("mount"), machine.tool("umount")
    command = [mount, "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "check": False}
    if not mount or not unmount or subprocess.run(command, **quiet).returncode != 0:
        yield None
        return
    try:
        yield folder
    finally:
        subprocess.run([unmount, str(folder)], **quiet)


def filled(house, root, folder):
    """A disk that fills up with the log, and has room again: then the log goes on."""
    filler = folder / "filler"
    filler.write_bytes(b"x" * 128 * 1024)
    path = folder / "log"
    with open(path, "ab") as log, house.serving(root, "--log-format", "combined", log=log) as server:
        answered, _ = ask_many(server.port)
        full = shutil.disk_usage(folder).free
        failed = server.complaints().count("log cannot be written")
        filler.unlink()
        again = sum(client.fetch(server.port, "/small.txt").status == 200 for _ in range(100))
        time.sleep(0.5)
        resumed = server.complaints().count("log is written again")
        lines = path.read_bytes().splitlines()[-50:]
    whole = sum(line.count(b'"') == 6 for line in lines)
    return Row(
        NAME,
        f"to a full disk: {REQUESTS:,} answered; with room again the log goes on",
        f"{answered:,} answered, {full} bytes free, {failed} complaint; then {again} of 100, "
        f"{resumed} word of resuming, {whole} of the last {len(lines)} lines whole",
        answered == REQUESTS and full == 0 and failed == resumed == 1 and again == 100 and whole == len(lines) == 50,
    )
