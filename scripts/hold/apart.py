"""Work in a process of its own, so that one Python's loop does not distort what another measures."""

import multiprocessing
import os

CONTEXT = multiprocessing.get_context("fork")

# How long a process that was told to stop may take.
PATIENCE = 60.0


class Apart:
    """A process that does `work(stop, ...)` and gives its result back.

    It inherits the sockets that are open when it starts: whoever means to close some starts it
    before opening them.
    """

    def __init__(self, work, *arguments, nice=0):
        self._stop = CONTEXT.Event()
        self._results, end = CONTEXT.Pipe(duplex=False)
        self._process = CONTEXT.Process(
            target=_run, args=(work, self._stop, end, nice, arguments), daemon=True
        )
        self._process.start()
        end.close()

    def is_done(self):
        """Whether the result is there."""
        return self._results.poll()

    def result(self, patience=PATIENCE):
        """Waits for the end of work that ends by itself."""
        if not self._results.poll(patience):
            raise RuntimeError(f"a client does not end within {patience:.0f} s")
        try:
            fault, value = self._results.recv()
        except EOFError:
            raise RuntimeError("a client ended without a result") from None
        if fault:
            raise RuntimeError(f"a client failed: {fault}")
        return value

    def finish(self):
        """Tells it to stop; its result."""
        self._stop.set()
        return self.result()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self._process.is_alive():
            self._stop.set()
            self._process.join(0.5)
            self._process.terminate()
        self._process.join(PATIENCE)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()


def _run(work, stop, end, nice, arguments):
    os.nice(nice)
    try:
        end.send((None, work(stop, *arguments)))
    except Exception as fault:  # Whatever it is, the parent must hear of it.
        end.send((f"{type(fault).__name__}: {fault}", None))
