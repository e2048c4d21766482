"""Whoever stands between a load generator and a server, and hears what they agree on before it
becomes secret: what the generator itself negotiates, which wrk does not tell."""

import select
import socket
from dataclasses import dataclass

from .accepting import serve_each

PIECE = 256 * 1024

HANDSHAKE_RECORD = 22
SERVER_HELLO = 2

# Extensions (RFC 8446 section 4.2).
PRE_SHARED_KEY = 41
SUPPORTED_VERSIONS = 43
KEY_SHARE = 51

VERSIONS = {0x0303: "TLS 1.2", 0x0304: "TLS 1.3"}
CIPHERS = {
    0x1301: "TLS_AES_128_GCM_SHA256",
    0x1302: "TLS_AES_256_GCM_SHA384",
    0x1303: "TLS_CHACHA20_POLY1305_SHA256",
}
GROUPS = {0x0017: "P-256", 0x0018: "P-384", 0x001D: "X25519", 0x11EC: "X25519MLKEM768"}


@dataclass(frozen=True)
class Hello:
    """What a server has chosen."""

    version: str
    cipher: str
    group: str
    is_resumed: bool

    @staticmethod
    def read(message):
        """From the body of a ServerHello (RFC 8446 section 4.1.3)."""
        at = 2 + 32
        at += 1 + message[at]
        cipher = _number(message, at)
        extensions = _extensions(message[at + 3 :])
        version = _number(extensions.get(SUPPORTED_VERSIONS, message), 0)
        group = extensions.get(KEY_SHARE)
        return Hello(
            VERSIONS.get(version, f"version {version:#06x}"),
            CIPHERS.get(cipher, f"cipher {cipher:#06x}"),
            _group(_number(group, 0)) if group else "no key share",
            PRE_SHARED_KEY in extensions,
        )

    def terms(self):
        """What is the same for full sessions and resumed ones."""
        return f"{self.version}, {self.cipher}, {self.group}"


def _group(number):
    return GROUPS.get(number, f"group {number:#06x}")


def _extensions(data):
    found = {}
    at = 2
    while at + 4 <= len(data):
        length = _number(data, at + 2)
        found[_number(data, at)] = data[at + 4 : at + 4 + length]
        at += 4 + length
    return found


def _number(data, at):
    return int.from_bytes(data[at : at + 2], "big")


class Witness:
    """A relay to the server at a port of this machine."""

    def __init__(self, port):
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
        self.port = self._listener.getsockname()[1]
        self.hellos = []
        serve_each(self._listener, self._relay)

    def _relay(self, client):
        """Until either side leaves; how it leaves is not what is looked at."""
        heard = bytearray()
        with client, socket.create_connection(("127.0.0.1", self._to)) as server:
            for connection in (client, server):
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                while True:
                    for source in select.select([client, server], [], [])[0]:
                        data = source.recv(PIECE)
                        if not data:
                            return
                        if source is server and heard is not None:
                            heard = self._listen(heard + data)
                        (client if source is server else server).sendall(data)
            except OSError:
                return

    def _listen(self, heard):
        """Notes the ServerHello once it is whole; what is to be kept until then."""
        if len(heard) < 5 or len(heard) < 5 + _number(heard, 3):
            return heard
        if heard[0] == HANDSHAKE_RECORD and heard[5] == SERVER_HELLO:
            length = int.from_bytes(heard[6:9], "big")
            self.hellos.append(Hello.read(bytes(heard[9 : 9 + length])))
        return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        # A listener that is only closed goes on while its thread waits on it.
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
