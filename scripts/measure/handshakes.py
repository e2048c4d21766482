"""A load generator of handshakes: every request is made over a session of its own, which is either
full or resumed from the one before.

wrk does not do: where it connects anew it resumes the session, unasked and unseen. This one looks at
every session, and counts those that are of the kind that was asked for. It is slow, which does not
matter: what is measured is the server.
"""

import json
import subprocess
import sys
import time

from . import client, machine
from .identity import Identity

FULL = "full"
RESUMED = "resumed"


class Generators:
    """Several processes, each with one connection at a time, that wait for a word to begin."""

    def __init__(self, server, load, headers, seconds):
        words = [server.port, load.path, load.handshake, seconds]
        files = [server.identity.certificate, server.identity.key]
        command = [sys.executable, "-B", "-m", __name__, *words, *files, *headers]
        self._processes = [
            subprocess.Popen(
                [str(word) for word in command],
                cwd=machine.REPOSITORY / "scripts",
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
            for _ in range(load.connections)
        ]

    def wait_until_ready(self):
        """Returns once each has had an answer: from then on sessions can be resumed."""
        for process in self._processes:
            if not process.stdout.readline():
                raise RuntimeError(self._last_word(process))

    def run(self):
        """Lets them go and waits for their end: the seconds that each good request took, and how
        many were of the wrong kind."""
        for process in self._processes:
            process.stdin.write("\n")
            process.stdin.flush()
        times, wrong = [], 0
        for process in self._processes:
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(self._last_word(process))
            told = json.loads(line)
            times += told["times"]
            wrong += told["wrong"]
        return times, wrong

    @staticmethod
    def _last_word(process):
        lines = process.communicate()[1].splitlines()
        return f"the generator of handshakes: {lines[-1] if lines else 'ended'}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for process in self._processes:
            process.kill()
            process.communicate()


def main(port, path, kind, seconds, certificate, key, *headers):
    """One process. It resumes each session once, with what the server gave in it: some servers take
    a ticket no more than once."""
    identity = Identity(certificate, key)
    request = client.request(port, path, headers)
    resumes = kind == RESUMED
    session, _ = ask(port, identity, request, None, resumes)
    print("ready", flush=True)
    sys.stdin.readline()
    times, wrong = [], 0
    deadline = time.monotonic() + float(seconds)
    while (start := time.monotonic()) < deadline:
        session, is_resumed = ask(port, identity, request, session, resumes)
        if is_resumed == resumes:
            times.append(time.monotonic() - start)
        else:
            wrong += 1
    print(json.dumps({"times": times, "wrong": wrong}), flush=True)


def ask(port, identity, request, session, resumes):
    """One request on a connection of its own: the session to go on with, if anybody will, and
    whether this one was resumed. Reads to the end, so that every ticket has come."""
    with client.connect(port, identity, session) as connection:
        connection.sendall(request)
        status = client.receive(connection).status
        if status != 200:
            raise OSError(f"status {status}")
        if connection.recv(client.PIECE):
            raise OSError("more than an answer")
        # To take a session out is a fifth of what this generator does.
        return connection.session if resumes else None, connection.session_reused


if __name__ == "__main__":
    main(*sys.argv[1:])
