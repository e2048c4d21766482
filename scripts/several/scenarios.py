"""What several servers behind a balancer must be able to do."""

import os
import re
import signal
import subprocess
import time
from contextlib import ExitStack

from hold import clients
from hold.house import Row
from measure import client, machine
from measure.servers import free_port

from . import balancer
from .asking import Asking

NAME = "replicas"
COUNT = 3
SMALL = b"x" * 1024
LARGE = 64 * 1024 * 1024
ROUNDS = 3
RESTARTS = 2
# Enough answers for every server to have sent some.
SOME = 300

# Long enough for five health checks.
DELAY = "1s"

# Every server believes the balancer, and gives the same validators as the others.
OPTIONS = ["--trust-proxy", "127.0.0.1", "--proxy-protocol", "--etag", "content"]


def make_root(house):
    """The files, in a folder for each server: the same bytes with other times, as after a copy."""
    roots = [house.root(f"replica-{number}") for number in range(COUNT)]
    large = os.urandom(1024 * 1024) * (LARGE // (1024 * 1024))
    for number, root in enumerate(roots):
        (root / "small.txt").write_bytes(SMALL)
        (root / "large.bin").write_bytes(large)
        past = time.time() - 1000 * (number + 1)
        for file in root.iterdir():
            os.utime(file, (past, past))
    return roots, large


class Replicas:
    """The servers, each of which can be ended and started again at its port."""

    def __init__(self, house, roots):
        self._house = house
        self._roots = roots
        # Pairs of site port and admin port.
        self.places = [(free_port(), free_port()) for _ in roots]
        self._running = [None] * len(roots)

    def start(self, number):
        """Starts one, and waits until it listens."""
        stack = ExitStack()
        port, admin = self.places[number]
        options = [*OPTIONS, *_observed(admin), "--drain-delay", DELAY, "--drain-timeout", "10s"]
        serving = self._house.serving(self._roots[number], *options, port=port)
        self._running[number] = (stack, stack.enter_context(serving))

    def end(self, number, how):
        """Ends one with this signal, and waits for its end."""
        stack, server = self._running[number]
        server.may_end = True
        server.tree.child.send_signal(how)
        server.tree.child.wait(client.PATIENCE)
        stack.close()
        self._running[number] = None

    def __enter__(self):
        for number in range(len(self._roots)):
            self.start(number)
        return self

    def __exit__(self, *_):
        for running in filter(None, self._running):
            running[0].close()


def _observed(admin):
    """The options for an admin listener at this port."""
    return ["--admin", f"127.0.0.1:{admin}"]


def rolling(house, roots, _):
    """Each server is restarted in turn, twice."""
    with Replicas(house, roots) as replicas, balancer.spreading(house.folder, replicas.places) as (port, _):
        with Asking(port, "/small.txt", SMALL) as asking:
            asking.until(SOME)
            for number in list(range(COUNT)) * RESTARTS:
                replicas.end(number, signal.SIGTERM)
                asking.until(SOME)
                replicas.start(number)
                asking.until(SOME)
    measured = f"{asking.answered:,} answered, {len(asking.faults)} lost"
    measured += f" ({asking.faults[0]})" if asking.faults else ""
    held = not asking.faults and asking.answered > 2 * SOME * COUNT * RESTARTS
    return [Row(NAME, f"each of {COUNT} servers restarted {RESTARTS} times under load: no request is lost", measured, held)]


def killed(house, roots, _):
    """One server is killed under load."""
    with Replicas(house, roots) as replicas, balancer.spreading(house.folder, replicas.places) as (port, _):
        with Asking(port, "/small.txt", SMALL) as asking:
            asking.until(SOME)
            replicas.end(0, signal.SIGKILL)
            asking.until(3 * SOME)
    measured = f"{asking.answered:,} answered, {len(asking.faults)} lost"
    # Each client has one request under way, of which a third is at that server.
    held = len(asking.faults) <= 3
    return [Row(NAME, "one of them killed under load: at most what it was answering is lost", measured, held)]


def resumed(house, roots, large):
    """A download from one server goes on at another."""
    with Replicas(house, roots) as replicas, balancer.spreading(house.folder, replicas.places) as (port, _):
        first = client.fetch(port, "/large.bin", ["Range: bytes=0-9999999"])
        tag, parts = first.fields["etag"], [first.content]
        served = {client.fetch(port, "/large.bin", ["Range: bytes=0-0"]).fields["etag"] for _ in range(COUNT)}
        for start in range(10_000_000, LARGE, 10_000_000):
            fields = [f"Range: bytes={start}-{min(start + 9_999_999, LARGE - 1)}", f"If-Range: {tag}"]
            part = client.fetch(port, "/large.bin", fields)
            parts.append(part.content if part.status == 206 else b"")
    held = b"".join(parts) == large and served == {tag}
    measured = f"{len(parts)} parts from servers in turn; {len(served)} entity-tag"
    return [Row(NAME, "a download resumed at other servers is the file", measured, held)]


def named(house, roots, _):
    """The log of a server names the client, not the balancer."""
    log_path = house.folder / "named.log"
    with open(log_path, "wb") as log:
        port, admin = free_port(), free_port()
        options = [*OPTIONS, *_observed(admin), "--log-format", "combined", "--deny", "127.0.0.9"]
        with house.serving(roots[0], *options, port=port, log=log), balancer.spreading(house.folder, [(port, admin)]) as (front, _):
            with clients.connect(front, source="127.0.0.8") as good, clients.connect(front, source="127.0.0.9") as bad:
                statuses = (clients.ask(good, front, "/small.txt").status, clients.ask(bad, front, "/small.txt").status)
    named_in_log = {line.split(" ", 1)[0] for line in log_path.read_text().splitlines()}
    held = statuses == (200, 403) and {"127.0.0.8", "127.0.0.9"} <= named_in_log
    return [Row(NAME, "behind PROXY protocol, rules and the log see the client", f"{statuses[0]} and {statuses[1]}", held)]


def kept(house, roots, _):
    """A cache in front asks again with the validator, and gets new content when there is some."""
    root = roots[0]
    options = ["--cache", "/**=public, max-age=1"]
    with house.serving(root, *options) as server, balancer.keeping(house.folder, server.port) as port:
        seen = []

        def ask():
            answer = client.fetch(port, "/small.txt")
            seen.append(answer.fields["x-cache-status"])
            return answer.content

        ask()
        ask()
        _until(lambda: ask() and seen[-1] == "REVALIDATED")
        (root / "small.txt").write_bytes(b"new")
        _until(lambda: ask() == b"new")
    (root / "small.txt").write_bytes(SMALL)
    held = seen[:2] == ["MISS", "HIT"] and "REVALIDATED" in seen and seen[-1] == "EXPIRED"
    return [Row(NAME, "a cache in front revalidates, and notices a change", ", ".join(dict.fromkeys(seen)), held)]


def _until(is_so):
    deadline = time.monotonic() + client.PATIENCE
    while not is_so():
        if time.monotonic() > deadline:
            raise RuntimeError("the cache does not ask again")
        time.sleep(0.1)


def rates(house, roots, _):
    """Requests a second: of one server, and of one and of three behind the balancer; and who used the processors."""
    rows = []
    with house.serving(roots[0], "--threads", "1") as server:
        rows.append(_rate("one server with one thread, without a balancer", server.port))
    for count in (1, COUNT):
        with Replicas(house, roots[:count]) as replicas, balancer.spreading(house.folder, replicas.places) as (port, tree):
            before = tree.cpu()
            row = _rate(f"{count} behind HAProxy", port)
            rows.append(Row(row.scenario, row.must, f"{row.measured}; HAProxy used {tree.cpu() - before:.1f} s", row.held))
    return rows


def _rate(what, port):
    runs = []
    for _ in range(ROUNDS):
        command = [machine.tool("wrk"), "-t1", "-c32", "-d3s", f"http://127.0.0.1:{port}/small.txt"]
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        runs.append(float(re.search(r"Requests/sec:\s+([\d.]+)", output).group(1)))
        if "Non-2xx" in output or "Socket errors" in output:
            return Row(NAME, what, output, False)
    return Row(NAME, f"{what}: requests a second, 1 KiB", f"{sorted(runs)[ROUNDS // 2]:,.0f}", True)


ALL = {scenario.__name__: scenario for scenario in (rolling, killed, resumed, named, kept, rates)}
