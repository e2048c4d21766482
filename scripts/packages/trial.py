"""Tries the packages. Runs as root in its own mount, network and process namespaces, so nothing that it installs, mounts
or binds is visible outside."""

import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

from .products import HERE, OUTPUT, ROOT, subcommands

# Seconds to wait for a start or an end, which take milliseconds.
PATIENCE = 20

SCRATCH = Path("/tmp/docroot-trial")
PAGE = (ROOT / "www" / "index.html").read_bytes()
CONFIGURATION = "etc/docroot/docroot.toml"
UNIT = HERE / "docroot.service"


def run(products):
    """Tries each of them."""
    command("ip", "link", "set", "lo", "up")
    SCRATCH.mkdir(exist_ok=True)
    # The layers of an overlay may not lie on an overlay, which the root of a container is.
    command("mount", "-t", "tmpfs", "tmpfs", SCRATCH)
    try_container(products.container)
    try_debian(products.debian)


def try_container(folder):
    """The static binary as the first process of a root directory that holds nothing else."""
    root = SCRATCH / "container"
    recipe = (folder / "Containerfile").read_text()
    for source, target in re.findall(r"^COPY (\S+) (\S+)$", recipe, re.MULTILINE):
        copy(folder / source, root / target.lstrip("/"))
    user = re.search(r"^USER (\S+)$", recipe, re.MULTILINE)[1]
    [entry] = re.findall(r"^ENTRYPOINT (.*)$", recipe, re.MULTILINE)
    [default] = re.findall(r"^CMD (.*)$", recipe, re.MULTILINE)
    start = ["unshare", "--pid", "--fork", "chroot", f"--userspec={user}", root, *json.loads(entry), *json.loads(default)]
    with started(start) as server:
        expect("the page in the container", get(8080, "/"), (200, PAGE))
        expect("what the container does not have", get(8080, "/absent")[0], 404)
        # The first process of a namespace gets only the signals that it handles.
        [first] = children(server.pid)
        os.kill(first, signal.SIGTERM)
        expect("the end of the container", server.wait(PATIENCE), 0)
    try_static_users(root)


def try_static_users(root):
    """The static binary reads the list of users itself, and needs none for numbers."""
    unknown = subprocess.run([*serve(root), "--user", "no-such-user"], check=False, stderr=subprocess.PIPE, text=True)
    expect("an unknown user", "this system has no such user" in unknown.stderr, True)
    for user in ("65534:65534", "docroot-trial"):
        with started([*serve(root), "--user", user]) as server:
            expect(f"the page as {user}", get(8080, "/"), (200, PAGE))
            expect(f"the number of {user}", user_of(server.pid), "65534")
        (root / "etc").mkdir(exist_ok=True)
        (root / "etc" / "passwd").write_text("docroot-trial:x:65534:65534::/:/\n")


def serve(root):
    return ["chroot", root, "/docroot", "--port", "8080", "--quiet", "/srv"]


def copy(source, target):
    if source.is_dir():
        shutil.copytree(source, target)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, target)


def try_debian(package):
    """The package in a copy of this machine's root directory: installed, started by its unit, installed again, removed."""
    root = copy_of_root()
    shutil.copy2(package, root / "tmp" / "docroot.deb")
    install(root)
    check_files(root)
    check_service(root)
    check_configured(root)
    check_activated(root)
    check_removal(root)


def copy_of_root():
    """The root directory of the machine, below a layer that receives all writes."""
    upper, work, root = (SCRATCH / name for name in ("upper", "work", "root"))
    for folder in (upper, work, root):
        folder.mkdir()
    command("mount", "-t", "overlay", "overlay", "-o", f"lowerdir=/,upperdir={upper},workdir={work}", root)
    command("mount", "-t", "proc", "proc", root / "proc")
    command("mount", "--rbind", "/dev", root / "dev")
    # Hides the systemd of the machine.
    command("mount", "-t", "tmpfs", "tmpfs", root / "run")
    command("mount", "-t", "tmpfs", "tmpfs", root / "tmp")
    return root


def install(root):
    inside(root, "dpkg", "--force-confold", "--install", "/tmp/docroot.deb")


def check_files(root):
    """The files of the package are where Debian expects them, and the user and the link that starts it are there."""
    listed = inside(root, "dpkg", "--listfiles", "docroot").splitlines()
    names = subcommands((OUTPUT / "printed" / "docroot.1").read_text())
    expect("docroot check among the subcommands", "check" in names, True)
    for path in (
        "/usr/bin/docroot",
        "/usr/share/man/man1/docroot.1.gz",
        "/usr/share/bash-completion/completions/docroot",
        "/usr/share/zsh/vendor-completions/_docroot",
        "/usr/share/fish/vendor_completions.d/docroot.fish",
        "/usr/lib/sysusers.d/docroot.conf",
        "/usr/lib/systemd/system/docroot.service",
        "/usr/lib/systemd/system/docroot.socket",
        *(f"/usr/share/man/man1/docroot-{name}.1.gz" for name in names),
    ):
        expect(f"{path} in the package", path in listed, True)
    expect("faults of the installed files", inside(root, "dpkg", "--verify", "docroot"), "")
    settings = inside(root, "dpkg-query", "--show", "--showformat=${Conffiles}", "docroot")
    expect("the configuration file in the list", f"/{CONFIGURATION} " in settings, True)
    expect("the user", inside(root, "getent", "passwd", "docroot").split(":")[6].strip().endswith("nologin"), True)
    expect("the link that starts the service", started_at_boot(root), True)
    expect("the link that opens the socket", opened_at_boot(root), False)
    script = (root / "var/lib/dpkg/info/docroot.postinst").read_text()
    started_units = set(re.findall(r"deb-systemd-invoke \S+ (.*) >", script))
    expect("the units that an installation starts", started_units, {"docroot.service"})
    inside(root, "bash", "-n", "/usr/share/bash-completion/completions/docroot")
    for name in names:
        page = inside(root, "gzip", "--decompress", "--stdout", f"/usr/share/man/man1/docroot-{name}.1.gz")
        expect(f"the page of docroot {name}", f".TH docroot-{name} 1 " in page.replace("\\-", "-"), True)
        expect(f"docroot {name} in the completions", name in completed(root, name[:-1]), True)


def completed(root, typed):
    """What bash offers for the first word after docroot."""
    script = 'source /usr/share/bash-completion/completions/docroot; COMP_WORDS=(docroot "$1"); COMP_CWORD=1'
    script += '; _docroot docroot "$1" docroot; printf "%s\\n" "${COMPREPLY[@]}"'
    return inside(root, "bash", "-c", script, "bash", typed).split()


def started_at_boot(root):
    return (root / "etc/systemd/system/multi-user.target.wants/docroot.service").is_symlink()


def opened_at_boot(root):
    return (root / "etc/systemd/system/sockets.target.wants/docroot.socket").is_symlink()


def check_service(root):
    """The service of a new installation serves its page, and only this machine reaches it."""
    with service(root) as (server, notices):
        expect("what systemd is told", notices.wait_for("READY=1"), True)
        expect("the page of the package", get(8080, "/"), (200, PAGE))
        expect("the user of the service", user_of(server.pid), inside(root, "id", "-u", "docroot").strip())
        os.kill(server.pid, signal.SIGTERM)
        expect("what systemd is told at the end", notices.wait_for("STOPPING=1"), True)
        expect("the end of the service", server.wait(PATIENCE), 0)


def check_configured(root):
    """The service uses the operator's configuration, even with a port below 1024, and another installation keeps it. A
    mistake in it stops the service from starting."""
    (root / "srv" / "site").mkdir()
    (root / "srv" / "site" / "a.txt").write_text("hello")
    configuration = root / CONFIGURATION
    configuration.write_text('path = "/srv/site"\nbind = ["0.0.0.0"]\nport = 80\n')
    install(root)
    expect("the configuration after another installation", "/srv/site" in configuration.read_text(), True)
    with service(root) as (server, notices):
        expect("what systemd is told", notices.wait_for("READY=1"), True)
        expect("the file on port 80", get(80, "/a.txt"), (200, b"hello"))
        os.kill(server.pid, signal.SIGTERM)
        server.wait(PATIENCE)
    written = configuration.read_text()
    configuration.write_text(written.replace("port", "prot"))
    refused = subprocess.run(as_service(root, commands("ExecStartPre")[0]), check=False, stderr=subprocess.PIPE, text=True)
    expect("the status of a mistake", refused.returncode, 2)
    expect("the line of a mistake", "line 3" in refused.stderr, True)
    configuration.write_text(written)


def check_activated(root):
    """With the socket unit, the service needs no port of its own, and another installation leaves the socket as it is."""
    (root / CONFIGURATION).write_text('path = "/srv/site"\nbind = ["systemd"]\n')
    inside(root, "systemctl", "enable", "docroot.socket")
    install(root)
    expect("the link that opens the socket, after another installation", opened_at_boot(root), True)
    with socket.create_server(("127.0.0.1", 80)) as passed, service(root, passed) as (server, notices):
        expect("what systemd is told", notices.wait_for("READY=1"), True)
        expect("the file at the socket", get(80, "/a.txt"), (200, b"hello"))
        os.kill(server.pid, signal.SIGTERM)
        expect("the end of the service", server.wait(PATIENCE), 0)


def check_removal(root):
    """Removal leaves the configuration, and purging leaves nothing."""
    inside(root, "dpkg", "--remove", "docroot")
    expect("the program after removal", (root / "usr/bin/docroot").exists(), False)
    expect("the configuration after removal", (root / CONFIGURATION).exists(), True)
    inside(root, "dpkg", "--purge", "docroot")
    expect("the configuration after purging", (root / CONFIGURATION).parent.exists(), False)
    expect("the links after purging", (started_at_boot(root), opened_at_boot(root)), (False, False))


@contextmanager
def service(root, passed=None):
    """The service as its unit starts it: the check, then the server, which tells a socket what it does. It may get a
    listening socket."""
    for line in commands("ExecStartPre"):
        subprocess.run(as_service(root, line), check=True, stdout=subprocess.DEVNULL)
    notices = Notices(root / "run" / "notify")
    [line] = commands("ExecStart")
    start = as_service(root, line)
    numbers = [passed.fileno()] if passed else []
    for number in numbers:
        # Only the new process knows its own number, which stays the same when it becomes docroot.
        become = f'LISTEN_PID=$$ LISTEN_FDS=1 exec "$@" 3<&{number}'
        start = ["bash", "-c", become, "bash", *start]
    with started(start, numbers, NOTIFY_SOCKET="/run/notify") as server:
        yield server, notices
    notices.close()


def as_service(root, line):
    """The command line of a unit with the user, the capability and the root directory that it would have."""
    user = setting("User")
    rights = setting("AmbientCapabilities").lower().replace("cap_", "-all,+")
    become = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--no-new-privs"]
    return ["chroot", root, *become, f"--inh-caps={rights}", f"--ambient-caps={rights}", *shlex.split(line)]


def setting(name):
    [value] = commands(name)
    return value


def commands(name):
    return re.findall(f"^{name}=(.*)$", UNIT.read_text(), re.MULTILINE)


class Notices:
    """What a service tells systemd."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.path = path
        self.socket.bind(str(path))
        path.chmod(0o777)
        self.socket.settimeout(PATIENCE)

    def wait_for(self, line):
        """Whether the service says this before it is silent for too long."""
        try:
            while line not in self.socket.recv(4096).decode().splitlines():
                pass
        except TimeoutError:
            return False
        return True

    def close(self):
        self.socket.close()
        self.path.unlink()


@contextmanager
def started(start, descriptors=(), **variables):
    """A process that gets these descriptors. It is ended if it is still there at the end of the block."""
    words = [str(word) for word in start]
    server = subprocess.Popen(words, env={**os.environ, **variables}, pass_fds=descriptors)
    try:
        yield server
    finally:
        if server.poll() is None:
            server.kill()
            server.wait()


def get(port, path):
    """Status and body, as soon as somebody listens."""
    deadline = time.monotonic() + PATIENCE
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        except ConnectionRefusedError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
        finally:
            connection.close()


def children(process):
    told = Path(f"/proc/{process}/task/{process}/children").read_text()
    return [int(number) for number in told.split()]


def user_of(process):
    return re.search(r"^Uid:\s+(\d+)", Path(f"/proc/{process}/status").read_text(), re.MULTILINE)[1]


def inside(root, *words):
    """What a command prints in another root directory."""
    return subprocess.run(["chroot", root, *words], check=True, stdout=subprocess.PIPE, text=True).stdout


def command(*words):
    subprocess.run([str(word) for word in words], check=True)


def expect(what, got, want):
    if got != want:
        raise SystemExit(f"{what}: {got!r} instead of {want!r}")
    print(f"{what}: ok")
