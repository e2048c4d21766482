"""Clients that ask for a small file until they are told to stop, and count what they did not get."""

import threading

from hold import clients
from measure import client

CLIENTS = 8


class Asking:
    """The clients, on threads."""

    def __init__(self, port, path, content):
        self.answered = 0
        self.faults = []
        self._ask = (port, path, content)
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(CLIENTS)]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join(client.PATIENCE)

    def _run(self):
        port, path, content = self._ask
        kept = None
        while not self._stop.is_set():
            try:
                kept = kept or clients.connect(port)
                answer = clients.ask(kept, port, path)
                is_right = answer.status == 200 and answer.content == content
                fault = None if is_right else f"{answer.status} with {len(answer.content)} bytes"
                if answer.fields.get("connection", "").lower() == "close":
                    kept.close()
                    kept = None
            except (OSError, EOFError) as error:
                fault, kept = str(error), None
            with self._lock:
                self.answered += fault is None
                if fault:
                    self.faults.append(fault)

    def until(self, count):
        """Waits for so many more answers."""
        wanted = self.answered + count
        while self.answered < wanted and any(thread.is_alive() for thread in self._threads):
            self._stop.wait(0.01)
