"""A disk that takes two seconds for a read: who does not need it is answered at once."""

import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from measure import client

from . import clients
from .apart import Apart
from .house import Row, milliseconds, percentile

NAME = "slow disk"

P99 = 0.020
SECONDS = 10
WAITING = 64
READ_TIME = 2

# A second. Through the file system itself there are fewer, because it is written in Python.
RATE = 1000
RATE_THROUGH_IT = 100

PROGRAM = Path(__file__).with_name("slow_disk.py")


def run(house, say):
    """The rows."""
    rows = []
    for what, is_root, rate in (
        ("below the root", False, RATE),
        ("as the root", True, RATE_THROUGH_IT),
    ):
        say(f"{NAME}: {WAITING} clients wait for one {what}")
        rows += place(house, what, is_root, rate)
    return rows


def place(house, what, is_root, rate):
    """The rows of a slow file system in this place."""
    root = house.root(f"disk-{'root' if is_root else 'below'}")
    folder = house.root(f"disk-{'root' if is_root else 'below'}-folder")
    mountpoint = root if is_root else root / "slow"
    mountpoint.mkdir(exist_ok=True)
    for number in range(WAITING):
        (folder / f"{number}").write_bytes(b"slow" * 1000)
    small = (folder if is_root else root) / "small.txt"
    small.write_bytes(b"x" * 1024)
    prefix = "" if is_root else "/slow"
    with mounted(folder, mountpoint) as order:
        if order is None:
            return [Row(NAME, f"a file system {what} can be mounted", "it cannot: skipped", True)]
        with house.serving(root, "--threads", "1") as server:
            wait_until_cached(server.port)
            before = server.tree.descriptors()
            with Apart(paced, server.port, "/small.txt", 1024, rate) as probe:
                time.sleep(SECONDS / 4)
                alone, _ = probe.finish()
            order(f"wait reads {READ_TIME}")
            with Apart(crowd, server.port, prefix) as waiting:
                # Until all of them wait, they are work for the file system, which is one program.
                time.sleep(1)
                with Apart(paced, server.port, "/small.txt", 1024, rate) as probe:
                    answered = waiting.result(patience=SECONDS + 60)
                    times, faults = probe.finish()
            order("wait reads 0")
            settled = server.has_settled(before + 2)
    whose = f"{WAITING} clients wait for a disk {what}, {READ_TIME} s a read: who asks for a cached file {rate} times a second has a"
    row = clients.neighbour(NAME, whose, P99, {"kept": times}, faults)
    busy = f"; without them {milliseconds(percentile(alone))}, as busy as the machine is"
    return [
        replace(row, measured=row.measured + busy),
        Row(NAME, "those who wait are answered, or leave nothing behind", f"{answered} answers", answered > 0 and settled),
    ]


@contextmanager
def mounted(folder, mountpoint):
    """Shows a folder at a mount point. What gives it orders, or None if it cannot be mounted."""
    command = [sys.executable, PROGRAM, folder, mountpoint]
    program = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def order(text):
        program.stdin.write(f"{text}\n")
        program.stdin.flush()
        program.stdout.readline()

    try:
        yield order if program.stdout.readline() == "ready\n" else None
    finally:
        program.stdin.close()
        program.wait()


def wait_until_cached(port):
    """A file that has just been written is not cached for three seconds."""
    end = time.monotonic() + 5
    while time.monotonic() < end:
        client.fetch(port, "/small.txt")
        time.sleep(0.1)


def paced(stop, port, path, length, rate):
    """Asks so many times a second. The times count from when a request was due."""
    times, faults = [], []
    connection = clients.connect(port)
    begun = time.perf_counter()
    due = begun
    while not stop.is_set():
        due += 1 / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        try:
            answer = clients.ask(connection, port, path)
            if answer.status != 200 or len(answer.content) != length:
                faults.append(f"{answer.status} with {len(answer.content)} bytes")
        except (OSError, EOFError) as fault:
            faults.append(str(fault))
            connection = clients.connect(port)
        times.append(time.perf_counter() - due)
    return times, faults


def crowd(stop, port, prefix):
    """Clients that each want another file of the disk, and again when they have it. How many answers
    came. At the end they leave while they wait."""
    connections = []
    for number in range(WAITING):
        connection = clients.connect(port)
        connection.sendall(client.request(port, f"{prefix}/{number}", ()))
        connection.setblocking(False)
        connections.append((number, connection))
    answers = 0
    end = time.monotonic() + SECONDS
    while time.monotonic() < end and not stop.is_set():
        time.sleep(0.05)
        for number, connection in connections:
            try:
                received = connection.recv(1 << 16)
            except BlockingIOError:
                continue
            answers += received.startswith(b"HTTP/1.1 200")
            connection.sendall(client.request(port, f"{prefix}/{(number + answers) % WAITING}", ()))
    for _, connection in connections:
        connection.close()
    return answers
