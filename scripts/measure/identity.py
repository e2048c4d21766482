"""What servers prove over TLS: one certificate for all of them, made for this run."""

import ssl
import subprocess
from pathlib import Path

from . import machine

# The name that clients ask for; of the same kind everywhere, since the kind of the key decides most
# of what a full handshake costs.
KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc")
NAMES = ("-subj", "/CN=docroot-bench", "-addext", "subjectAltName=IP:127.0.0.1")


class Identity:
    """A certificate and its key in PEM files, and the clients' side of it."""

    def __init__(self, certificate, key):
        self.certificate = Path(certificate)
        self.key = Path(key)
        # Its versions and ciphers are those of the OpenSSL underneath, as with wrk.
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._context.load_verify_locations(self.certificate)

    @staticmethod
    def make(folder):
        """A new one."""
        certificate, key = folder / "certificate.pem", folder / "key.pem"
        command = [machine.tool("openssl"), "req", "-x509", *KEY, *NAMES, "-days", "2"]
        made = subprocess.run(
            [*command, "-out", certificate, "-keyout", key], capture_output=True, text=True, check=False
        )
        if made.returncode != 0:
            raise RuntimeError(f"openssl: {made.stderr.strip()}")
        return Identity(certificate, key)

    def secure(self, connection, session=None):
        """TLS over a connection, with nobody but who has this key; resumes a session if it can."""
        return self._context.wrap_socket(connection, server_hostname="127.0.0.1", session=session)
