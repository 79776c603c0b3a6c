"""The certificate with which a machine without one of its own serves https: made here, and signed by nobody else.

Browsers say "not private" of it until a person accepts it. What is sent is encrypted all the same, and a page may use
the camera, which browsers refuse over http.
"""

from __future__ import annotations

import datetime
import ipaddress
import os
import socket
from collections.abc import Iterable
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from core.storage import write_atomically

DAY = datetime.timedelta(days=1)
VALID = 365 * DAY
FILE = "https.pem"  # in the home: the key and its certificate
ALWAYS = ("localhost", "127.0.0.1", "::1")


def certificate_file(home: Path, names: Iterable[str]) -> Path:
    """A file with a key and its certificate for these names, which only its owner can read.

    The one that is there stays while it is valid for another day and for all names, since who has accepted it is not
    asked again; else one is made that is valid for a year.

    Args:
        home: the folder that keeps it, made where it is missing.
        names: addresses and names at which this machine is opened, "*.school.example" among them; its own name and
            localhost are added.

    Raises:
        OSError: where it cannot be written.
    """
    path, wanted = home / FILE, {*ALWAYS, socket.gethostname().lower(), *names}
    wanted = {name for name in wanted if name.isascii() and name.strip("*.")}
    if not _holds(path, wanted):
        home.mkdir(parents=True, exist_ok=True)
        write_atomically(path, lambda file: (os.chmod(file.name, 0o600), file.write(_made(sorted(wanted)))))
    return path


def _holds(path: Path, wanted: set[str]) -> bool:
    """Whether a file has a certificate that is valid today and tomorrow, for all names that are wanted."""
    try:
        pem = path.read_bytes()
        certificate = x509.load_pem_x509_certificate(pem)
        key = serialization.load_pem_private_key(pem, password=None)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    now = datetime.datetime.now(datetime.UTC)
    held = {*names.get_values_for_type(x509.DNSName), *map(str, names.get_values_for_type(x509.IPAddress))}
    return (
        certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc - DAY
        and wanted <= held
        and key.public_key() == certificate.public_key()
    )


def _made(names: list[str]) -> bytes:
    """A new key and a certificate for it, in PEM."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.datetime.now(datetime.UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Digit Lab")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - DAY)  # the clocks of other machines may be behind
        .not_valid_after(now + VALID)
        .add_extension(x509.SubjectAlternativeName(list(map(_general_name, names))), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)  # signs for no other
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(key, hashes.SHA256())
    )
    written = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return written + certificate.public_bytes(serialization.Encoding.PEM)


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)
