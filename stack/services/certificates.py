"""Create the certificates of PostgreSQL and Debezium, which has no password: certificates.py SERVER_FOLDER CLIENT_FOLDER ROLE.

Both are signed by an authority whose key is never stored, so no further certificate can be issued.

    SERVER_FOLDER   server.crt server.key ca.crt, for 127.0.0.1 and localhost
    CLIENT_FOLDER   client.crt client.pk8 ca.crt, with ROLE as the common name; PostgreSQL's JDBC driver reads EC keys
                    only as DER
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

VALID_FOR = timedelta(days=3650)
SERVER_NAMES = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1")), x509.DNSName("localhost")])


def main(server_folder: Path, client_folder: Path, role: str) -> None:
    authority_key = generate_private_key(SECP256R1())
    authority = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "user-automation")])
    basics = x509.BasicConstraints(ca=True, path_length=0)
    ca = describe(authority, authority, authority_key).add_extension(basics, critical=True)
    ca_certificate = ca.sign(authority_key, SHA256())

    def issue(name: str, usage: ObjectIdentifier, *more: x509.ExtensionType) -> tuple[EllipticCurvePrivateKey, bytes]:
        key = generate_private_key(SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        certificate = describe(subject, authority, key)
        for extension in (x509.ExtendedKeyUsage([usage]), *more):
            certificate = certificate.add_extension(extension, critical=False)
        return key, certificate.sign(authority_key, SHA256()).public_bytes(Encoding.PEM)

    server_key, server_certificate = issue("postgres", ExtendedKeyUsageOID.SERVER_AUTH, SERVER_NAMES)
    write(server_folder / "server.key", server_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    write(server_folder / "server.crt", server_certificate)
    client_key, client_certificate = issue(role, ExtendedKeyUsageOID.CLIENT_AUTH)
    write(client_folder / "client.pk8", client_key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    write(client_folder / "client.crt", client_certificate)
    for folder in (server_folder, client_folder):
        write(folder / "ca.crt", ca_certificate.public_bytes(Encoding.PEM))


def describe(subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + VALID_FOR)
    )


def write(file: Path, content: bytes) -> None:
    """Write a file, some of which are private keys, readable only by its owner."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        output.write(content)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
