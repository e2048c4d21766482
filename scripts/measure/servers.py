"""The servers that are compared: how each is told to do the same work with the same workers.

Nobody writes an access log, everybody keeps connections open, and each peer is configured as its
own manual recommends for static files.
"""

import base64
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import client, machine
from .process import Tree

WORKERS = 2

DOCROOT = "docroot"
FLOOR = "floor"
NGINX_CACHED = "nginx + open_file_cache"
NGINX = "nginx"
LIGHTTPD = "lighttpd"
STATIC_WEB_SERVER = "static-web-server"
TUNGSTENITE = "tungstenite"

# Who takes part in what is measured over TLS.
SECURE = (DOCROOT, NGINX_CACHED, STATIC_WEB_SERVER)

# The build of docroot that speaks TLS, among the binaries, and the one with all features.
DOCROOT_WITH_TLS = "docroot with TLS"
DOCROOT_FULL = "docroot with all features"

PEERS = (NGINX_CACHED, NGINX, LIGHTTPD, STATIC_WEB_SERVER)

# Who takes part in what is measured over WebSocket.
ECHOING = (DOCROOT, TUNGSTENITE)


@dataclass(frozen=True)
class Variant:
    """docroot with an option that every request for `1k.bin` has to do with, and the fields of such a request.

    In the options, {state} is a folder for the server's files."""

    options: tuple
    fields: tuple = ()


# Of the password "secret".
HASH = "$6$docrootbench$qh1AZfFV0XywteBQTqOFio7Fx9pdbNhOBT32J1PQh5E34IhBESWwUUmxTtquCySS6UL943zs1ZCDEDf1NrUX0."
CREDENTIALS = base64.b64encode(b"bench:secret").decode()

VARIANTS = {
    # No page is open.
    "--inspect": Variant(("--inspect",)),
    "--cache": Variant(("--cache", "/*.bin=public, max-age=60")),
    "--header": Variant(("--header", "/*.bin X-Robots-Tag: noindex")),
    "--security-headers": Variant(("--security-headers",)),
    "--coi": Variant(("--coi",)),
    "--cors": Variant(("--cors=https://app.example",), ("Origin: https://app.example",)),
    "--type": Variant(("--type", "bin=application/x-bench")),
    "--precompressed": Variant(("--precompressed",), ("Accept-Encoding: gzip, br, zstd",)),
    "--negotiate": Variant(("--negotiate",), ("Accept-Language: zh-CN, en;q=0.5", "Accept: image/avif,*/*;q=0.8")),
    "--etag content": Variant(("--etag", "content")),
    "--clean-urls": Variant(("--clean-urls",)),
    "--redirect": Variant(("--redirect", "/old/**=/new/$1")),
    "--allow": Variant(("--allow", "127.0.0.0/8", "--deny", "0.0.0.0/0")),
    "--auth": Variant(("--auth", f"bench:{HASH}"), (f"Authorization: Basic {CREDENTIALS}",)),
    "--admin": Variant(("--admin", "127.0.0.1:0")),
    "--trust-proxy": Variant(("--trust-proxy", "127.0.0.1=x-forwarded"), ("X-Forwarded-For: 192.0.2.7",)),
    # The clients are not those that send a header.
    "--proxy-protocol": Variant(("--trust-proxy", "192.0.2.1", "--proxy-protocol")),
    "--request-id": Variant(("--request-id",)),
    "--log-file": Variant(("--log-format", "combined", "--log-file", "{state}/access.log")),
    "--log-sample": Variant(("--log-format", "json", "--log-sample", "1000", "--log-file", "{state}/sampled.log")),
    "--landlock off": Variant(("--landlock", "off")),
}

# As many as the largest scenario opens, and some.
CONNECTIONS = 11_000

NGINX_CONFIGURATION = """
daemon off;
pid {state}/nginx.pid;
error_log {state}/error.log crit;
worker_processes {workers};
events {{ worker_connections {connections}; }}
http {{
  access_log off;
  types {{ text/plain txt; text/html html; }}
  default_type application/octet-stream;
  client_body_temp_path {state}/body;
  proxy_temp_path {state}/proxy;
  fastcgi_temp_path {state}/fastcgi;
  uwsgi_temp_path {state}/uwsgi;
  scgi_temp_path {state}/scgi;
  sendfile on;
  {variant}
  keepalive_timeout 600s;
  keepalive_requests 1000000000;
  gzip on;
  gzip_types text/plain;
  server {{
    listen 127.0.0.1:{port} {ssl} backlog=4096;
    {identity}
    root {root};
    autoindex on;
  }}
}}
"""

# The versions and ciphers that docroot and static-web-server know, and the client's choice among
# them, which is theirs too.
NGINX_IDENTITY = """ssl_certificate {certificate};
    ssl_certificate_key {key};
    ssl_protocols TLSv1.2 TLSv1.3;
    ssl_ciphers ECDHE+AESGCM:ECDHE+CHACHA20;
    ssl_prefer_server_ciphers off;
    ssl_session_cache shared:bench:10m;
    ssl_session_tickets on;"""

NGINX_VARIANTS = {
    NGINX_CACHED: """tcp_nopush on;
  open_file_cache max=10000 inactive=60s;
  open_file_cache_valid 30s;
  open_file_cache_errors on;""",
    NGINX: "",
}

# 65535 requests a connection are the most that its counter holds; then it is opened anew.
LIGHTTPD_CONFIGURATION = """
server.document-root = "{root}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{state}/error.log"
server.max-worker = {workers}
server.max-connections = {connections}
server.max-fds = {descriptors}
server.listen-backlog = 4096
server.max-keep-alive-requests = 65535
server.max-keep-alive-idle = 600
mimetype.assign = ( ".txt" => "text/plain", ".html" => "text/html", "" => "application/octet-stream" )
dir-listing.activate = "enable"
server.modules = ( "mod_deflate" )
deflate.mimetypes = ( "text/plain" )
deflate.allowed-encodings = ( "gzip" )
deflate.cache-dir = "{state}/cache"
"""


class Server:
    """A running server."""

    def __init__(self, name, tree, port, identity=None):
        self.name = name
        self.tree = tree
        self.port = port
        # What it proves over TLS; None where it speaks plainly.
        self.identity = identity

    def origin(self):
        """The beginning of every URL."""
        return f"{'https' if self.identity else 'http'}://127.0.0.1:{self.port}"

    def seen_at(self, port):
        """The same server, reached by another port."""
        return Server(self.name, self.tree, port, self.identity)


class Stable:
    """Starts servers on one document root; what they write goes into a folder of this run."""

    def __init__(self, root, state, binaries, identity=None):
        self._root = root
        self._state = state
        self._binaries = binaries
        self._identity = identity

    @contextmanager
    def running(self, name, canned=None, is_secure=False, options=()):
        """A server that listens, until the end of the block. The `options` are for docroot."""
        identity = self._identity if is_secure else None
        state = self._state / name.replace(" ", "")
        state.mkdir(exist_ok=True)
        port = free_port()
        command = self._command(name, state, port, canned, identity, options)
        with open(state / "output", "ab") as output:
            tree = Tree(command, output)
        try:
            yield Server(name, tree, port, identity)
        except (RuntimeError, OSError, EOFError) as fault:
            raise RuntimeError(f"{name}: {fault}{_last_words(state)}") from fault
        finally:
            tree.stop()

    def _command(self, name, state, port, canned, identity, options):
        if name == DOCROOT or name in VARIANTS:
            of_variant = VARIANTS[name].options if name in VARIANTS else ()
            options = (*options, *(option.replace("{state}", str(state)) for option in of_variant))
            binary = self._binaries[DOCROOT_WITH_TLS if identity else DOCROOT]
            files = ["--tls-cert", identity.certificate, "--tls-key", identity.key] if identity else []
            return [
                binary, "--quiet", "--log-format", "off", "--bind", "127.0.0.1", "--port", port,
                "--threads", WORKERS, "--max-connections", CONNECTIONS, *files, *options, self._root,
            ]  # fmt: skip
        if name == FLOOR:
            return [self._binaries["floor"], port, WORKERS, *canned]
        if name == TUNGSTENITE:
            return [self._binaries["echo"], port]
        if name == LIGHTTPD:
            text = LIGHTTPD_CONFIGURATION.format(**self._words(state, port))
            return [machine.tool("lighttpd"), "-D", "-f", _written(state / "configuration", text)]
        if name in NGINX_VARIANTS:
            words = self._words(state, port)
            words |= _nginx_identity(identity)
            text = NGINX_CONFIGURATION.format(variant=NGINX_VARIANTS[name], **words)
            error_log = ["-e", state / "error.log"]
            return [machine.tool("nginx"), *error_log, "-c", _written(state / "configuration", text)]
        # Its workers are a multiple of the processors: the nearest that can be asked for.
        multiplier = max(1, WORKERS // machine.processors())
        # It speaks HTTP/1.1 over TLS too, with clients that do not ask for HTTP/2.
        files = ["--http2-tls-cert", identity.certificate, "--http2-tls-key", identity.key] if identity else []
        return [
            self._binaries[STATIC_WEB_SERVER], "--host", "127.0.0.1", "--port", port, "--root", self._root,
            "--threads-multiplier", multiplier, "--log-level", "error", "--directory-listing", "true",
            "--compression", "true", "--http2", "true" if identity else "false", *files,
        ]  # fmt: skip

    def _words(self, state, port):
        return {
            "state": state,
            "port": port,
            "root": self._root,
            "workers": WORKERS,
            "connections": CONNECTIONS,
            "descriptors": machine.DESCRIPTORS,
        }


def _nginx_identity(identity):
    if identity is None:
        return {"ssl": "", "identity": ""}
    files = {"certificate": identity.certificate, "key": identity.key}
    return {"ssl": "ssl", "identity": NGINX_IDENTITY.format(**files)}


def free_port():
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _written(path, text):
    path.write_text(text)
    return path


def _last_words(state):
    words = []
    for name in ("output", "error.log"):
        path = Path(state / name)
        if path.exists():
            words.extend(path.read_text(errors="replace").splitlines()[-3:])
    return "".join(f"\n  {line}" for line in words)
