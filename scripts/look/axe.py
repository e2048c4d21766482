"""Finds faults of accessibility with axe-core."""

import subprocess
import tarfile
import tempfile
from pathlib import Path

# The same release everywhere: a newer one may find more.
PACKAGE = "axe-core@4.14.1"

RUN = """axe.run().then(({violations}) =>
  violations.flatMap(({help, nodes}) => nodes.map(({target}) => `${help}: ${target.join(" ")}`)))"""


def source():
    """The script, from npm."""
    with tempfile.TemporaryDirectory(prefix="docroot-axe-") as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        [package] = Path(folder).glob("*.tgz")
        with tarfile.open(package) as archive:
            return archive.extractfile("package/axe.min.js").read().decode()


def faults(page, script):
    """The faults of a page, as sentences."""
    page.run(f"{script};0")
    return page.run(RUN)
