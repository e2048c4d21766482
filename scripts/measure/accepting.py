"""Serves each client of a listener on a thread of its own."""

import threading


def serve_each(listener, serve):
    """Until the listener is closed; does not wait for that."""
    threading.Thread(target=_accept, args=(listener, serve), daemon=True).start()


def _accept(listener, serve):
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=serve, args=(client,), daemon=True).start()
