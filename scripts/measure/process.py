"""A server as a tree of processes: started, measured, ended by id."""

import os
import signal
import subprocess
import time
from pathlib import Path

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")

# What files that have no name and no disk are called among the descriptors, and the unit in which the
# system tells how much is stored of a file.
ANONYMOUS = "/memfd:"
COPY = ANONYMOUS + "docroot "
BLOCK = 512

# How long a server may take to end before it is killed.
PATIENCE = 5.0


class Tree:
    """A process and all its descendants."""

    def __init__(self, command, log, errors=None):
        # A session of its own: a server that signals its process group does not reach this
        # script, and an interrupt from the terminal is this script's to handle.
        self.child = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=errors or log,
            start_new_session=True,
        )

    def is_alive(self):
        """Whether the first process of the tree runs."""
        return self.child.poll() is None

    def pids(self):
        """Every process of the tree now."""
        found = []
        waiting = [self.child.pid]
        while waiting:
            pid = waiting.pop()
            found.append(pid)
            waiting.extend(_children(pid))
        return found

    def cpu(self):
        """Seconds of processor time used so far: all threads, children that have ended too."""
        return sum(_cpu(pid) for pid in self.pids())

    def resident(self):
        """Bytes of memory: pages that are mapped, those that processes share counted for each of
        them, and what is stored in anonymous files, which is mapped nowhere."""
        return self.mapped() + self.anonymous()

    def mapped(self):
        """Bytes of resident memory that is mapped: what most tools call resident."""
        pages = 0
        for pid in self.pids():
            fields = _read(f"/proc/{pid}/statm").split()
            pages += int(fields[1]) if fields else 0
        return pages * PAGE

    def most_addresses(self):
        """Bytes of addresses that were in use at the same time, whether there was memory behind them
        or not: the highest count of each process, added up."""
        total = 0
        for pid in self.pids():
            for line in _read(f"/proc/{pid}/status").splitlines():
                if line.startswith("VmPeak:"):
                    total += int(line.split()[1]) * 1024
        return total

    def anonymous(self):
        """Bytes stored in anonymous files, each counted once; a look at every descriptor."""
        sizes = {}
        for pid, name in self._links(ANONYMOUS):
            try:
                file = os.stat(f"/proc/{pid}/fd/{name}")
            except (FileNotFoundError, ProcessLookupError):
                continue
            sizes[file.st_ino] = file.st_blocks * BLOCK
        return sum(sizes.values())

    def proportional(self):
        """The same memory as `resident()`, shared pages counted once among those who share them."""
        total = self.anonymous()
        for pid in self.pids():
            for line in _read(f"/proc/{pid}/smaps_rollup").splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
        return total

    def descriptors(self):
        """How many descriptors are open."""
        return sum(len(_names(f"/proc/{pid}/fd")) for pid in self.pids())

    def copies(self):
        """How many of them are private copies of files, whole ones or such as are being made."""
        return sum(1 for _ in self._links(COPY))

    def _links(self, start):
        """The descriptors that lead to what is so called: process and number of each."""
        for pid in self.pids():
            folder = f"/proc/{pid}/fd"
            for name in _names(folder):
                if _link(f"{folder}/{name}").startswith(start):
                    yield pid, name

    def stop(self):
        """Ends the tree: politely, then by force."""
        pids = self.pids()
        self.child.terminate()
        try:
            self.child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()
        deadline = time.monotonic() + PATIENCE
        while any(self._is_ours(pid) for pid in pids[1:]):
            if time.monotonic() > deadline:
                self._kill(pids[1:])
            time.sleep(0.005)

    def _kill(self, pids):
        for pid in pids:
            if self._is_ours(pid):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass

    def _is_ours(self, pid):
        """Whether `pid` still is the process it was: its session is named by the first one."""
        fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        return bool(fields) and fields[0] != "Z" and int(fields[3]) == self.child.pid


def _cpu(pid):
    """Seconds used by one process, by two accounts of which the larger is right: one is rounded
    down to the clock's ticks, the other counts nanoseconds but leaves out threads that ended."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    # utime, stime, cutime, cstime: fields 14 to 17 of proc(5), of which two stand before.
    ticks = sum(int(field) for field in fields[11:15])
    nanoseconds = 0
    for task in _names(f"/proc/{pid}/task"):
        running = _read(f"/proc/{pid}/task/{task}/schedstat").split()
        nanoseconds += int(running[0]) if running else 0
    return max(ticks / TICKS_A_SECOND, nanoseconds / 1e9)


def _children(pid):
    children = []
    for task in _names(f"/proc/{pid}/task"):
        children.extend(int(child) for child in _read(f"/proc/{pid}/task/{task}/children").split())
    return children


def _names(folder):
    try:
        return os.listdir(folder)
    except (FileNotFoundError, ProcessLookupError):
        return []


def _link(path):
    """What a link of /proc leads to; nothing where it has just been closed."""
    try:
        return os.readlink(path)
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _read(path):
    """The text of a file of /proc; empty where the process has just ended."""
    try:
        return Path(path).read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
