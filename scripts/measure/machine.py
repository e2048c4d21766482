"""What the machine must have, and what kind of machine it is."""

import datetime
import json
import os
import platform
import resource
import shutil
import subprocess
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]

# Where Debian puts servers, whatever the PATH of this user.
SEARCH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"

# How a program is asked for its version, where not with "-v".
VERSION_OPTIONS = {"openssl": "version"}

# Every connection of the largest scenario, and room for files, pipes and listeners.
DESCRIPTORS = 12_000


def fail(message):
    """Ends the program with one line that names the mend."""
    sys.exit(f"{program()}: {message}")


def program():
    """The script that runs, by its name."""
    return Path(sys.argv[0]).name


def tool(name):
    """Where a program is, or None."""
    return shutil.which(name, path=SEARCH)


def need(packages):
    """Installs what is missing of `packages`, a mapping from program to Debian's package."""
    missing = sorted({package for name, package in packages.items() if not tool(name)})
    if not missing:
        return
    if not tool("apt-get") or os.geteuid() != 0:
        fail(f"please install: {' '.join(missing)}")
    print(f"{program()}: installing {' '.join(missing)}", file=sys.stderr)
    # Debian starts a server when it is installed, unless the machine seems to be on its way down:
    # nothing may listen on port 80 because somebody measured something.
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "RUNLEVEL": "1", "SYSTEMD_OFFLINE": "1"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", *missing]):
        if subprocess.run(command, env=quiet, stdout=subprocess.DEVNULL, check=False).returncode != 0:
            fail(f"{' '.join(command)} failed; please install: {' '.join(missing)}")


def build(*examples, features=(), target=None, environment=None):
    """Builds the server, and examples, as they are shipped: for this machine or a `target`, with this environment or
    another one. Where each binary is, by name."""
    if not tool("cargo"):
        fail("a Rust toolchain is needed (https://rustup.rs)")
    command = ["cargo", "build", "--release", "--locked", "--bin", "docroot"]
    for name in examples:
        command += ["--example", name]
    for name in features:
        command += ["--features", name]
    if target:
        command += ["--target", target]
    built = subprocess.run(
        [*command, "--message-format=json-render-diagnostics"],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        env=environment,
    )
    if built.returncode != 0:
        fail("the build failed")
    messages = (json.loads(line) for line in built.stdout.splitlines() if line.startswith("{"))
    return {
        message["target"]["name"]: message["executable"]
        for message in messages
        if message.get("reason") == "compiler-artifact" and message.get("executable")
    }


def build_with(feature):
    """Builds the server with a feature. Where it is: beside the place of every build, since the next
    one takes that."""
    built = Path(build(features=(feature,))["docroot"])
    return str(shutil.copy2(built, built.with_name(f"docroot-{feature}")))


def static_web_server():
    """The static-web-server of crates.io, kept in a cache folder between runs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "docroot-bench"
    return installed("static-web-server", cache)


def installed(crate, root, *options):
    """Where the program of a crate is. It is installed below `root` if it is missing."""
    found = tool(crate)
    if found:
        return found
    binary = Path(root) / "bin" / crate
    if not binary.exists():
        command = ["cargo", "install", "--locked", "--quiet", "--root", str(root), *options, crate]
        if subprocess.run(command, check=False).returncode != 0:
            fail(f"{' '.join(command)} failed")
    return str(binary)


def raise_descriptor_limit(wanted=DESCRIPTORS):
    """Raises the limit of open files for this process and everything it starts: to what is wanted
    or more, or else as far as this user may."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    highest = wanted if hard == resource.RLIM_INFINITY else max(hard, wanted)
    for limit in (highest, hard):
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
            break
        except (ValueError, OSError):
            pass
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < DESCRIPTORS:
        fail(f"10,000 connections need `ulimit -n {DESCRIPTORS}`; the hard limit here is {hard}")


def processors():
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


def describe(tools=()):
    """The date, the kind of machine, and the versions of the tools."""
    machine = f"{processors()} × {_processor()}, {platform.system()} {platform.release().split('-')[0]}"
    parts = [datetime.date.today().isoformat(), machine]
    if tools:
        parts.append(", ".join(_versions(tools)))
    return "; ".join(parts)


def _processor():
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _versions(tools):
    for name in tools:
        path = tool(name)
        if path:
            option = VERSION_OPTIONS.get(name, "-v")
            shown = subprocess.run([path, option], capture_output=True, text=True, check=False)
            words = (shown.stdout + shown.stderr).replace("/", " ").split()
            version = next((word for word in words if any(c.isdigit() for c in word)), "?")
            yield f"{name} {version}"
