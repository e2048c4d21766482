"""What clients do to a server, well or badly."""

import socket
import struct
import time

from measure import client

from .house import Row, milliseconds, percentile

# Half of what a well-behaved client asks goes over a connection that it keeps.
PROBE_PAUSE = 0.001

# The longest time for an answer that waits for nothing, even on a busy machine.
SOON = 0.1

# As on Ethernet. The loopback's own segments of 64 KiB would let both kernels hold megabytes of
# what a client has not read.
SEGMENT = 1400
SMALL_BUFFER = 16 * 1024


# Of <linux/in.h>.
IP_BIND_ADDRESS_NO_PORT = 24


def connect(port, source=None, narrow=False):
    """A connection; `narrow`, as over a network, so that little is under way at a time."""
    connection = socket.socket()
    connection.settimeout(client.PATIENCE)
    if narrow:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER)
    if source:
        # The port is chosen when it connects. Before that, it must differ from all ports in use.
        connection.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
        connection.bind((source, 0))
    connection.connect(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def reset(connection):
    """Leaves with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def ask(connection, port, path, *headers):
    """One request and its answer on a connection that is kept."""
    connection.sendall(client.request(port, path, headers))
    return client.receive(connection)


def probe(stop, port, path, length):
    """A well-behaved client: small requests until it is told to stop, in turn over a connection
    that it keeps and over a new one. The times of each kind, and what went wrong."""
    times = {"kept": [], "new": []}
    faults = []
    kept = connect(port)
    while not stop.is_set():
        for kind in times:
            begun = time.perf_counter()
            try:
                if kind == "new":
                    with connect(port) as connection:
                        answer = ask(connection, port, path)
                else:
                    answer = ask(kept, port, path)
                times[kind].append(time.perf_counter() - begun)
                if answer.status != 200 or len(answer.content) != length:
                    faults.append(f"{kind}: {answer.status} with {len(answer.content)} bytes")
            except (OSError, EOFError) as fault:
                faults.append(f"{kind}: {fault}")
                kept = connect(port) if kind == "kept" else kept
        time.sleep(PROBE_PAUSE)
    kept.close()
    return times, faults


def neighbour(name, whose, most, times, faults):
    """What a well-behaved client felt of it all: its 99th percentile, over either way of asking,
    is below `most`."""
    p99 = {kind: percentile(of_kind) for kind, of_kind in times.items()}
    count = sum(len(of_kind) for of_kind in times.values())
    worst = max(max(of_kind, default=float("inf")) for of_kind in times.values())
    return Row(
        name,
        f"{whose} p99 below {milliseconds(most)}",
        f"{', '.join(f'{milliseconds(of_kind)} {kind}' for kind, of_kind in p99.items())}; worst {milliseconds(worst)}; "
        f"{count:,} requests, {len(faults)} faults{told(faults)}",
        not faults and all(one < most for one in p99.values()),
    )


def told(faults):
    """The first of the faults, for a table."""
    return f" ({faults[0]})" if faults else ""
