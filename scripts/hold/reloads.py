"""Everything at once, while the configuration changes every second."""

import itertools
import os
import signal
from dataclasses import replace

from measure import machine

from . import mix
from .house import Row

NAME = "mixed load and reloads"

# Each differs from the other in what every response says.
CONFIGURATIONS = (
    "cache = [\"/**=public, max-age=60\"]\n",
    "cache = [\"/**=no-store\"]\n\n[[header]]\nname = \"X-Frame-Options\"\nvalue = \"DENY\"\n",
)

# The server is looked at twice in a second.
LOOKS = 2

TOLD = "docroot: reloaded the configuration"


def run(house, say):
    """The rows."""
    configuration = house.folder / "reloads.toml"
    configuration.write_text(CONFIGURATIONS[0])
    said = []
    reload = reloader(configuration, said)
    binary = machine.build_with("config-file")
    seen = mix.load(house, NAME, say, "--config", str(configuration), binary=binary, also=reload)
    rows = [*seen.rows(), reloaded(said[-1].count(TOLD), house.minutes)]
    return [replace(row, scenario=NAME) for row in rows]


def reloader(configuration, said):
    """Changes the configuration at every second call, and keeps what the server has said."""
    calls = itertools.count(1)

    def reload(server):
        said[:] = [server.complaints()]
        number, rest = divmod(next(calls), LOOKS)
        if rest == 0:
            # In one step, so that no half of it is read.
            new = configuration.with_suffix(".new")
            new.write_text(CONFIGURATIONS[number % 2])
            new.rename(configuration)
            os.kill(server.tree.child.pid, signal.SIGHUP)

    return reload


def reloaded(count, minutes):
    least = int(minutes * 60 * 0.8)
    return Row(NAME, f"the configuration changes every second: at least {least} times", f"{count} times", count >= least)
