"""What the kernel says of its memory for sockets."""

import resource
from pathlib import Path


def socket_memory():
    """Up to how many bytes TCP uses without ever making sockets smaller."""
    unpressed, _, _ = Path("/proc/sys/net/ipv4/tcp_mem").read_text().split()
    return int(unpressed) * resource.getpagesize()


def times_short_of_memory():
    """How often, since it was started, the kernel began to make sockets smaller."""
    names, values = (line.split() for line in Path("/proc/net/netstat").read_text().splitlines() if line.startswith("TcpExt:"))
    return int(dict(zip(names, values))["TCPMemoryPressures"])
