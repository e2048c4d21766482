"""The mixed load, while docroot reloads a changed configuration every second."""

import itertools
import os
import signal
from dataclasses import replace

from measure import machine

from . import mix
from .house import Row

NAME = "mixed load and reloads"

# They differ in fields that every response has.
CONFIGURATIONS = (
    "cache = [\"/**=public, max-age=60\"]\n",
    "cache = [\"/**=no-store\"]\n\n[[header]]\nname = \"X-Frame-Options\"\nvalue = \"DENY\"\n",
)

# Looks at the server per second.
LOOKS = round(1 / mix.LOOK)

TOLD = "docroot: reloaded the configuration"


def run(house, say):
    """The rows."""
    configuration = house.folder / "reloads.toml"
    configuration.write_text(CONFIGURATIONS[0])
    binary = machine.build_with("config-file")
    seen = mix.load(house, NAME, say, "--config", str(configuration), binary=binary, each_look=reloader(configuration))
    rows = [*seen.rows(), reloaded(seen.said.count(TOLD), house.minutes)]
    return [replace(row, scenario=NAME) for row in rows]


def reloader(configuration):
    """Changes the configuration once in so many calls."""
    calls = itertools.count(1)

    def reload(server):
        number, rest = divmod(next(calls), LOOKS)
        if rest == 0:
            # Replaced in one step, so that docroot never reads half a file.
            new = configuration.with_suffix(".new")
            new.write_text(CONFIGURATIONS[number % 2])
            new.rename(configuration)
            os.kill(server.tree.child.pid, signal.SIGHUP)

    return reload


def reloaded(count, minutes):
    least = int(minutes * 60 * 0.8)
    return Row(NAME, f"docroot reloads at least {least} times", f"{count} times", count >= least)
