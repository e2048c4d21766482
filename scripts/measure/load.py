"""Putting a load on a server and measuring what it costs."""

import re
import subprocess
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from . import client, handshakes, machine

# How often the memory is looked at during a run.
LOOK = 0.2

# The time a server gets after a run to see that its clients have left.
SETTLE = 0.1

PIPELINE = """
local requests = {}
for number = 1, %d do requests[number] = "%s" end
local text = table.concat(requests)
request = function() return text end
"""


@dataclass(frozen=True)
class Run:
    """One run's figures."""

    cpu: float  # seconds of the whole tree
    requests: int
    rate: float  # requests a second
    p99: float  # seconds
    resident: int  # bytes, the most that was seen
    errors: int
    notes: tuple = field(default=())

    def cost(self):
        """Seconds of processor time a request."""
        return self.cpu / self.requests if self.requests else float("nan")


def run(server, load, headers, seconds):
    """Loads a server once."""
    if load.each:
        return _fixed(server, load, headers)
    if load.handshake:
        return _handshakes(server, load, headers, seconds)
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as script:
        command = [machine.tool("wrk"), "-t1", f"-c{load.connections}", f"-d{seconds}s", "--latency"]
        for line in headers:
            command += ["-H", line]
        if load.pipelined > 1:
            text = client.request(server.port, load.path, headers).decode()
            script.write(PIPELINE % (load.pipelined, text.replace("\r\n", "\\r\\n")))
            script.flush()
            command += ["-s", script.name]
        before = server.tree.cpu()
        output, resident = _watched([*command, f"{server.origin()}{load.path}"], server)
        cpu = server.tree.cpu() - before
    time.sleep(SETTLE)
    return _figures(output, cpu, resident)


def _watched(command, server):
    """Runs the generator; its output, and the most memory the server was seen to hold. Its
    anonymous files, which stay, are counted at the end alone: to look for them among ten thousand
    descriptors takes processor time that the server would miss."""
    mapped = server.tree.mapped()
    generator = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    try:
        while True:
            try:
                output, _ = generator.communicate(timeout=LOOK)
                break
            except subprocess.TimeoutExpired:
                mapped = max(mapped, server.tree.mapped())
    finally:
        generator.kill()
        generator.wait()
    if generator.returncode != 0:
        raise RuntimeError(f"wrk: {output.strip()}")
    return output, mapped + server.tree.anonymous()


def _figures(output, cpu, resident):
    requests = int(_found(r"(\d+) requests in", output, "0"))
    rate = float(_found(r"Requests/sec:\s*([\d.]+)", output, "0"))
    p99 = _seconds(_found(r"99%\s+([\d.]+[a-z]+)", output, "0s"))
    refused = int(_found(r"Non-2xx or 3xx responses: (\d+)", output, "0"))
    line = _found(r"Socket errors: (.*)", output, "")
    errors = refused + sum(int(count) for count in re.findall(r"\d+", line))
    notes = (f"{refused} refused",) if refused else ()
    notes += (f"socket errors: {line}",) if line else ()
    return Run(cpu, requests, rate, p99, resident, errors, notes)


def _found(pattern, text, default):
    match = re.search(pattern, text)
    return match.group(1) if match else default


def _seconds(text):
    number, unit = re.fullmatch(r"([\d.]+)([a-z]+)", text).groups()
    return float(number) * {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}[unit]


def _fixed(server, load, headers):
    """A fixed number of requests on each connection, all of them answered to the end."""
    before = server.tree.cpu()
    start = time.monotonic()
    with ThreadPoolExecutor(load.connections) as pool:
        clients = [pool.submit(_fetch_some, server, load, headers) for _ in range(load.connections)]
        times = [seconds for one in clients for seconds in one.result()]
    took = time.monotonic() - start
    cpu = server.tree.cpu() - before
    return Run(cpu, len(times), len(times) / took, _p99(times), server.tree.resident(), 0)


def _handshakes(server, load, headers, seconds):
    """As many sessions as fit into the time, all of the kind that the load is about."""
    with handshakes.Generators(server, load, headers, seconds) as generators:
        generators.wait_until_ready()
        before = server.tree.cpu()
        start = time.monotonic()
        times, wrong = generators.run()
        took = time.monotonic() - start
        cpu = server.tree.cpu() - before
    notes = (f"{wrong} not {load.handshake}",) if wrong else ()
    rate = len(times) / took
    return Run(cpu, len(times), rate, _p99(times), server.tree.resident(), wrong, notes)


def _p99(times):
    return sorted(times)[len(times) * 99 // 100] if times else float("nan")


def _fetch_some(server, load, headers):
    times = []
    with client.connect(server.port, server.identity) as connection:
        for _ in range(load.each):
            start = time.monotonic()
            connection.sendall(client.request(server.port, load.path, headers))
            client.pass_over(connection)
            times.append(time.monotonic() - start)
    return times
