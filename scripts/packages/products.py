"""Builds the binaries and packs them."""

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from measure import machine

ROOT = machine.REPOSITORY
HERE = Path(__file__).resolve().parent
OUTPUT = ROOT / "target" / "package"

# The version that scripts/package was tried with.
CARGO_DEB = "3.8.0"

SHELLS = {"bash": "docroot", "zsh": "_docroot", "fish": "docroot.fish"}

FEATURES = ("full",)


@dataclass(frozen=True)
class Products:
    """The paths of the packages."""

    static: Path
    debian: Path
    container: Path

    @staticmethod
    def made():
        """The packages of the last run."""
        [debian] = OUTPUT.glob("*.deb")
        return Products(OUTPUT / "docroot", debian, OUTPUT / "container")

    def describe(self):
        lines = [f"{path.relative_to(ROOT)}: {size(path)}" for path in (self.static, self.debian)]
        return "\n".join([*lines, f"{self.container.relative_to(ROOT)}: the folder to build the container image from"])


def make():
    """Builds all packages from scratch."""
    machine.need({"cc": "gcc", "dpkg-deb": "dpkg", "dpkg-shlibdeps": "dpkg-dev"})
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir(parents=True)
    make_static()
    make_container()
    make_debian()
    return Products.made()


def make_static():
    """A binary that needs no library of the machine, so it runs on every Linux of this architecture."""
    # Without a target, build scripts would be static too, and procedural macros cannot be.
    flags = f"{os.environ.get('RUSTFLAGS', '')} -C target-feature=+crt-static".strip()
    built = machine.build(features=FEATURES, target=host(), environment={**os.environ, "RUSTFLAGS": flags})
    binary = OUTPUT / "docroot"
    shutil.copy2(built["docroot"], binary)
    if has_interpreter(binary):
        machine.fail(f"{binary} is not static: it needs a dynamic linker")


def make_container():
    """What the Containerfile copies."""
    folder = OUTPUT / "container"
    folder.mkdir()
    shutil.copy2(HERE / "Containerfile", folder)
    shutil.copy2(OUTPUT / "docroot", folder)
    shutil.copytree(ROOT / "www", folder / "www")


def make_debian():
    """The package. Its binary uses the C library of Debian, which knows users that are not in /etc/passwd."""
    binary = machine.build(features=FEATURES)["docroot"]
    printed_folder = OUTPUT / "printed"
    printed_folder.mkdir()
    write_printed(binary, printed_folder)
    pack = machine.installed("cargo-deb", OUTPUT.parent / "tools", "--version", CARGO_DEB)
    subprocess.run([pack, "--no-build", "--no-strip", "--output", OUTPUT], cwd=ROOT, check=True)


def write_printed(binary, folder):
    """What docroot prints about itself: the manual pages and the completions."""
    manual = printed(binary, "--man")
    (folder / "docroot.1").write_bytes(manual)
    for name in subcommands(manual.decode()):
        (folder / f"docroot-{name}.1").write_bytes(printed(binary, name, "--man"))
    for shell, name in SHELLS.items():
        (folder / name).write_bytes(printed(binary, "--completions", shell))


def subcommands(manual):
    """The subcommands. The manual page of docroot has a section for each."""
    headings = re.findall(r'^\.SH "DOCROOT ([A-Z-]+)"$', manual.replace("\\-", "-"), re.MULTILINE)
    return [heading.lower() for heading in headings]


def printed(binary, *options):
    return subprocess.run([binary, *options], check=True, stdout=subprocess.PIPE).stdout


def host():
    """Rust's name for the target of this machine."""
    told = subprocess.run(["rustc", "-vV"], check=True, stdout=subprocess.PIPE, text=True).stdout
    return re.search("^host: (.*)$", told, re.MULTILINE)[1]


def has_interpreter(binary):
    """Whether a program starts with the dynamic linker."""
    told = subprocess.run(["readelf", "--program-headers", binary], check=True, stdout=subprocess.PIPE, text=True).stdout
    return "INTERP" in told


def size(path):
    return f"{path.stat().st_size / 1_000_000:.1f} MB"
