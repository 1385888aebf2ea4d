"""Certificates that a test makes: an authority, and pairs that it signs, good or bad in one way."""

import dataclasses
import datetime
import ipaddress
import pathlib
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import oid

DAY = datetime.timedelta(days=1)
HERE = ("localhost", "127.0.0.1")


@dataclasses.dataclass(frozen=True)
class Pair:
    """Files of a certificate and its key."""

    certificate: pathlib.Path
    key: pathlib.Path


class Authority:
    """Signs certificates, by default for this machine, into a folder."""

    def __init__(self, folder: pathlib.Path, name: str = "authority") -> None:
        """Make its key, and write its certificate."""
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        unsigned = _unsigned(self._name, self._key.public_key(), self._name, DAY)
        basic = x509.BasicConstraints(ca=True, path_length=None)
        signed = unsigned.add_extension(basic, critical=True).sign(self._key, hashes.SHA256())
        self.file = folder / f"{name}.crt"
        self.file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))

    def issue(self, name: str, *, lifetime: datetime.timedelta = DAY, hosts: Sequence[str] = HERE) -> Pair:
        """Write a pair for names and addresses; one of a negative lifetime has expired."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([_host(each) for each in hosts])
        unsigned = _unsigned(_name(name), key.public_key(), self._name, lifetime).add_extension(names, critical=False)
        signed = unsigned.sign(self._key, hashes.SHA256())
        pair = Pair(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        _replace(pair.certificate, signed.public_bytes(serialization.Encoding.PEM))
        _replace(
            pair.key,
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        )
        return pair


def serial_number(pem: bytes) -> int:
    """Return by what the certificate can be told from others of its name."""
    return x509.load_pem_x509_certificate(pem).serial_number


def _replace(file: pathlib.Path, content: bytes) -> None:
    fresh = file.with_suffix(f"{file.suffix}.new")
    fresh.write_bytes(content)
    fresh.replace(file)


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(oid.NameOID.COMMON_NAME, name)])


def _unsigned(
    subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: x509.Name, lifetime: datetime.timedelta
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)  # noqa: TID251 - other programs compare it with the machine's clock
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    made = made.serial_number(x509.random_serial_number())
    return made.not_valid_before(now - 2 * DAY).not_valid_after(now + lifetime)
