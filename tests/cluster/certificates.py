"""The keys of a test cluster: one authority, a certificate for everybody who speaks TLS in it, and kubeconfigs."""

import base64
import datetime
import ipaddress
import json
import pathlib
from collections.abc import Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509 import oid

LIFETIME = datetime.timedelta(days=2)
SKEW = datetime.timedelta(hours=1)
Address = ipaddress.IPv4Address


class Authority:
    """Signs certificates, into a folder: NAME.key and NAME.crt in PEM, its own as ca.crt."""

    def __init__(self, folder: pathlib.Path) -> None:
        """Make the key of the authority, and write its certificate."""
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name("reelmesh-test-ca")
        unsigned = _unsigned(self._name, self._key.public_key(), self._name)
        authority = x509.BasicConstraints(ca=True, path_length=None)
        self._certificate = unsigned.add_extension(authority, critical=True).sign(self._key, hashes.SHA256())
        (folder / "ca.crt").write_bytes(_pem(self._certificate))

    def issue(
        self, file: str, user: str, group: str = "", *, names: Sequence[str] = (), addresses: Sequence[Address] = ()
    ) -> None:
        """Write a key, and a certificate for a user of Kubernetes, or a server at these names and addresses."""
        key = ec.generate_private_key(ec.SECP256R1())
        usage = x509.ExtendedKeyUsage([oid.ExtendedKeyUsageOID.CLIENT_AUTH, oid.ExtendedKeyUsageOID.SERVER_AUTH])
        unsigned = _unsigned(_name(user, group), key.public_key(), self._name).add_extension(usage, critical=False)
        alternatives = [*map(x509.DNSName, names), *map(x509.IPAddress, addresses)]
        if alternatives:
            unsigned = unsigned.add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        (self._folder / f"{file}.key").write_bytes(_private_pem(key))
        (self._folder / f"{file}.crt").write_bytes(_pem(unsigned.sign(self._key, hashes.SHA256())))

    def kubeconfig(self, file: str, server: str) -> pathlib.Path:
        """Write how the user whose certificate is `file` reaches the API; return the kubeconfig."""

        def data(name: str) -> str:
            return base64.b64encode((self._folder / name).read_bytes()).decode()

        user = {"client-certificate-data": data(f"{file}.crt"), "client-key-data": data(f"{file}.key")}
        cluster = {"server": server, "certificate-authority-data": data("ca.crt")}
        written = self._folder / f"{file}.kubeconfig"
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
        written.write_text(json.dumps(document))
        return written


def write_key_pair(folder: pathlib.Path, file: str) -> None:
    """Write NAME.key and NAME.pub, with which tokens of service accounts are signed and checked."""
    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    (folder / f"{file}.key").write_bytes(_private_pem(key))
    (folder / f"{file}.pub").write_bytes(public)


def _name(user: str, group: str = "") -> x509.Name:
    parts = [x509.NameAttribute(oid.NameOID.COMMON_NAME, user)]
    if group:
        parts.insert(0, x509.NameAttribute(oid.NameOID.ORGANIZATION_NAME, group))
    return x509.Name(parts)


def _unsigned(subject: x509.Name, key: ec.EllipticCurvePublicKey, issuer: x509.Name) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)  # noqa: TID251 - other programs compare it with the machine's clock
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    made = made.serial_number(x509.random_serial_number())
    return made.not_valid_before(now - SKEW).not_valid_after(now + LIFETIME)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def _private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
