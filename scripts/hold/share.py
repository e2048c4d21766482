"""Slow clients of one address that keep large listings: everybody else still gets theirs."""

import threading
import time

from measure import client

from . import clients, memory
from .house import Row

NAME = "large listings"

NAMES = 60_000
READERS = 40
# More than may wait.
CROWD = 1_000
READERS_ADDRESS = "127.0.0.2"
OTHER_ADDRESS = "127.0.0.3"

# docroot takes a listing back after three seconds. Without that, the readers would keep theirs for 30 s, and
# all of them do not fit into memory.
LATEST = 8.0
ASKS = 10

# Together they cannot hold what each of them needs.
WORKERS = 8


def run(house, say):
    """The rows."""
    root = house.root("share")
    (root / "large").mkdir()
    for number in range(NAMES):
        (root / "large" / memory.longest(number)).touch()
    (root / "small").mkdir()
    (root / "small" / "file").touch()
    with house.serving(root) as server:
        rest = memory.settled(server)
        say(f"{NAME}: {READERS} readers")
        readers = [read_nothing(server.port, number) for number in range(READERS)]
        most = memory.settled(server)
        large = [timed(server.port, "/large/") for _ in range(ASKS)]
        small = [timed(server.port, "/small/") for _ in range(ASKS)]
        most = max(most, server.tree.resident())
        for reader in readers:
            reader.close()
    with house.serving(root) as server:
        say(f"{NAME}: {CROWD:,} readers")
        readers = [read_nothing(server.port, number) for number in range(CROWD)]
        beside_crowd = [timed(server.port, "/large/") for _ in range(ASKS)]
        for reader in readers:
            reader.close()
    with house.serving(root, "--threads", str(WORKERS)) as server:
        say(f"{NAME}: {WORKERS} workers")
        crowd = at_once(server.port, WORKERS)
    meanwhile = f"while {READERS} clients of one address read nothing of large listings, another gets"
    return [
        verdict(
            f"{WORKERS} clients ask {WORKERS} workers at once for a listing of {NAMES:,} names: each gets it",
            crowd,
            LATEST,
        ),
        verdict(f"{meanwhile} a listing of {NAMES:,} names", large, LATEST),
        verdict(f"{meanwhile} a listing of one name", small, clients.SOON),
        verdict(
            f"while {CROWD:,} clients of one address do so, another gets a listing of {NAMES:,} names", beside_crowd, LATEST
        ),
        Row(
            NAME,
            f"{READERS} clients with queries of their own: at most {memory.MOST / memory.MEGABYTE:.0f} MB more than at rest",
            f"{(most - rest) / memory.MEGABYTE:.1f} MB more than {rest / memory.MEGABYTE:.1f}",
            most - rest <= memory.MOST,
        ),
    ]


def verdict(what, answers, latest):
    """What clients felt: each gets 200 within `latest` seconds."""
    worst = max(took for _, took in answers)
    served = sum(status == 200 for status, _ in answers)
    return Row(
        NAME,
        f"{what} within {latest:g} s",
        f"{served} of {len(answers)} answered 200, the latest after {worst:.2f} s",
        served == len(answers) and worst <= latest,
    )


def at_once(port, number):
    """What so many clients get who ask at the same time."""
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(timed(port, "/large/"))) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def read_nothing(port, number):
    """A client that asks for a listing of its own and reads nothing."""
    connection = clients.connect(port, READERS_ADDRESS, narrow=True)
    # All names match. No two clients of so many have the same words.
    words = "x" * (1 + number % READERS), "x" * (1 + number // READERS)
    connection.sendall(client.request(port, f"/large/?q={'+'.join(words)}"))
    return connection


def timed(port, path):
    """The status of a request of the other address, and how long it took."""
    begun = time.monotonic()
    with clients.connect(port, OTHER_ADDRESS) as connection:
        connection.sendall(client.request(port, path, method="HEAD"))
        status_line = connection.recv(1 << 16).split(b"\r\n")[0]
    return int(status_line.split()[1]), time.monotonic() - begun
