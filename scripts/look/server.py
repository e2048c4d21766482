"""A docroot to look at."""

import contextlib
import os
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def build():
    """Builds docroot and returns its path."""
    subprocess.run(["cargo", "build", "--locked", "--quiet"], cwd=ROOT, check=True)
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    return target / "debug" / "docroot"


@contextlib.contextmanager
def serving(binary, root, *options, log=None):
    """A server of a folder, and its address. `log` is a file for its log."""
    server = subprocess.Popen(
        [binary, "--port", "0", *options, root], stdout=log, stderr=subprocess.PIPE, text=True
    )
    try:
        yield next(line.strip() for line in server.stderr if "http://127." in line).rstrip("/")
    finally:
        server.terminate()
        server.wait()
