"""The server's end: an order to leave in the middle of everything."""

import random
import select
import signal
import socket
import subprocess
import threading
import time
from collections import Counter

from measure import client

from . import clients
from .apart import Apart
from .house import Row, milliseconds

NAME = "SIGTERM under load"

REPETITIONS = 20
CLIENTS = 12
SIZES = {"a.txt": 1024, "b.txt": 100 * 1024, "c.bin": 10 * 1024 * 1024}
PATHS = ("/a.txt", "/a.txt", "/a.txt", "/b.txt", "/c.bin", "/")
# A download that takes a second or more, so that the order comes in its middle: bytes, and bytes a
# second.
LONG = 40 * 1024 * 1024
LONG_PACE = 40 * 1024 * 1024

# The server's own default, and what an exit takes beyond it on a busy machine.
DRAIN = 10.0
SHORT_DRAIN = 1.0
AT_ONCE = 0.25

# How long clients may take to notice that the server has gone.
NOTICE = 5.0

# More than a reset takes on the loopback.
RESET = 0.05


def run(house, say):
    """The rows."""
    root = house.root("end")
    for name, size in SIZES.items():
        (root / name).write_bytes(random.Random(3).randbytes(size))
    (root / "long.bin").write_bytes(random.Random(4).randbytes(LONG))
    say(f"{NAME}: {REPETITIONS} times each of three ways")
    return [drained(house, root), second(house, root), held_up(house, root)]


def drained(house, root):
    """One order, and clients who all want to be served."""
    outcomes = Counter()
    times, statuses, faults = [], [], []
    for number in range(REPETITIONS):
        with house.serving(root) as server:
            server.may_end = True
            with Apart(load, server.port, number) as clients_of_all_kinds:
                time.sleep(0.3 + 0.01 * number)
                status, took = order(server)
                counts, wrong = clients_of_all_kinds.finish()
        outcomes += counts
        statuses.append(status)
        times.append(took)
        faults += wrong
        if status is None:
            break
    measured = (
        f"{outcomes['whole']:,} answers whole, {outcomes['long']} of them begun long before, "
        f"{outcomes['cut']} cut, {outcomes['unanswered']} read and not answered, {outcomes['refused']} refused; "
        f"{outcomes['late']} requests reached a closed connection; "
        f"status 0 {statuses.count(0)} times, after at most {max(times):.2f} s"
        f"{f' ({faults[0]})' if faults else ''}"
    )
    bad = outcomes["cut"] + outcomes["unanswered"] + outcomes["refused"] + len(faults)
    is_fair = outcomes["long"] == 2 * REPETITIONS and outcomes["whole"] > 50 * REPETITIONS
    held = bad == 0 and is_fair and statuses == [0] * REPETITIONS and max(times) <= DRAIN
    return Row(
        NAME,
        f"{REPETITIONS} times: answers begun are finished, requests read are answered, status 0 within {DRAIN:.0f} s",
        measured,
        held,
    )


def order(server):
    """Tells the server to leave; its status, None where it stays, and how long it took."""
    begun = time.monotonic()
    server.tree.child.send_signal(signal.SIGTERM)
    try:
        status = server.tree.child.wait(DRAIN + client.PATIENCE)
    except subprocess.TimeoutExpired:
        # One that stays is waited for once: whoever calls asks no other.
        status = None
    return status, time.monotonic() - begun


def stalled(server):
    """A client who has begun a download and does not go on."""
    connection = clients.connect(server.port, narrow=True)
    connection.sendall(client.request(server.port, "/long.bin"))
    connection.recv(1024)
    return connection


def second(house, root):
    """A second order does not wait for anybody."""
    times = []
    waited = 0
    for _ in range(REPETITIONS):
        with house.serving(root) as server, stalled(server):
            server.may_end = True
            server.tree.child.send_signal(signal.SIGTERM)
            time.sleep(0.2)
            waited += server.tree.is_alive()
            status, took = order(server)
            times.append(took)
        if status is None:
            break
    return Row(
        NAME,
        f"{REPETITIONS} times: a second signal ends the wait within {milliseconds(AT_ONCE)}",
        f"waiting {waited} times, then gone after at most {milliseconds(max(times))}",
        waited == len(times) == REPETITIONS and max(times) <= AT_ONCE,
    )


def held_up(house, root):
    """Whoever does not read is not waited for beyond the deadline."""
    times, statuses = [], []
    for _ in range(REPETITIONS):
        with house.serving(root, "--drain-timeout", f"{SHORT_DRAIN:.0f}s") as server, stalled(server):
            server.may_end = True
            status, took = order(server)
            times.append(took)
            statuses.append(status)
        if status is None:
            break
    return Row(
        NAME,
        f"{REPETITIONS} times: a stalled download is waited for until the deadline of {SHORT_DRAIN:.0f} s, status 0",
        f"gone after {min(times):.2f} to {max(times):.2f} s, status 0 {statuses.count(0)} times",
        statuses == [0] * REPETITIONS and SHORT_DRAIN <= min(times) and max(times) <= SHORT_DRAIN + AT_ONCE,
    )


def load(stop, port, seed):
    """Clients with connections that are kept, until the server has closed every one of them, or
    until it was told to stop and somebody is still served."""
    outcomes = Counter()
    faults = []
    sizes = {f"/{name}": size for name, size in SIZES.items()}
    work = [(_long, port, outcomes, faults)] * 2
    for number in range(CLIENTS):
        chance = random.Random(seed * CLIENTS + number)
        work.append((_ask, port, chance, sizes, outcomes, faults))
    # None of them may keep this process from its end.
    threads = [threading.Thread(target=_heard, args=(faults, *one), daemon=True) for one in work]
    for thread in threads:
        thread.start()
    stop.wait()
    end = time.monotonic() + NOTICE
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
    if left := sum(thread.is_alive() for thread in threads):
        faults.append(f"{left} clients go on {NOTICE:.0f} s after the server should have gone")
    return outcomes.copy(), faults.copy()


def _heard(faults, work, *arguments):
    """Does what a thread is for; whatever goes wrong there, somebody must hear of it."""
    try:
        work(*arguments)
    except Exception as fault:
        faults.append(f"{type(fault).__name__}: {fault}")


def _ask(port, chance, sizes, outcomes, faults):
    connection = clients.connect(port)
    while True:
        path = chance.choice(PATHS)
        if _has_ended(connection):
            return
        try:
            connection.sendall(client.request(port, path))
        except OSError:
            outcomes["late"] += 1
            return
        try:
            first = connection.recv(1, socket.MSG_PEEK)
        except OSError:
            # A reset: the request was on its way when the server closed, and was not read.
            outcomes["late"] += 1
            return
        if not first:
            outcomes["late" if _was_reset(connection) else "unanswered"] += 1
            return
        try:
            answer = client.receive(connection)
        except (OSError, EOFError) as fault:
            outcomes["cut"] += 1
            faults.append(f"{path}: {fault}")
            return
        if answer.status == 503:
            outcomes["refused"] += 1
        elif answer.status != 200 or len(answer.content) != sizes.get(path, len(answer.content)):
            faults.append(f"{path}: {answer.status} with {len(answer.content)} bytes")
        else:
            outcomes["whole"] += 1
        if answer.fields.get("connection") == "close":
            connection.close()
            return


def _has_ended(connection):
    """Whether the server has closed between two requests."""
    # The socket has a timeout, so that a look into it would wait.
    if not select.select([connection], [], [], 0)[0]:
        return False
    try:
        return connection.recv(1, socket.MSG_PEEK) == b""
    except OSError:
        return True


def _was_reset(connection):
    """Whether a request that found the connection closed came after the close: then the kernel
    answered it with a reset. Where the server had read it there is the orderly end alone."""
    time.sleep(RESET)
    return connection.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) != 0


def _long(port, outcomes, faults):
    """A download in no hurry."""
    with clients.connect(port) as connection:
        connection.sendall(client.request(port, "/long.bin"))
        received = 0
        try:
            while some := connection.recv(1 << 20):
                received += len(some)
                time.sleep(len(some) / LONG_PACE)
        except OSError as fault:
            faults.append(f"a long download: {fault}")
    if received > LONG:
        outcomes["whole"] += 1
        outcomes["long"] += 1
    else:
        outcomes["cut"] += 1
