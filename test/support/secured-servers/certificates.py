"""Certificates for tests: certificates.py FOLDER. Each NAME.crt has its NAME.key; NAME.pem is both."""

import sys
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

FOLDER = Path(sys.argv[1])
NOW = datetime.now(UTC)
DAY = timedelta(days=1)


def common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def issue(
    name: str,
    subject: str,
    authority: tuple[x509.Certificate, EllipticCurvePrivateKey] | None = None,
    until: datetime = NOW + DAY,
) -> tuple[x509.Certificate, EllipticCurvePrivateKey]:
    key = generate_private_key(SECP256R1())
    issuer, signing = (authority[0].subject, authority[1]) if authority else (common_name(subject), key)
    names = x509.SubjectAlternativeName([x509.IPAddress(IPv4Address("127.0.0.1")), x509.DNSName("localhost")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(common_name(subject))
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(until - 2 * DAY)
        .not_valid_after(until)
        .add_extension(x509.BasicConstraints(ca=authority is None, path_length=None), critical=True)
        .add_extension(names, critical=False)
        .sign(signing, SHA256())
    )
    crt = certificate.public_bytes(Encoding.PEM)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    for end, content in {"crt": crt, "key": pem, "pem": pem + crt}.items():
        file = FOLDER / f"{name}.{end}"
        file.write_bytes(content)
        file.chmod(0o600)
    return certificate, key


ca = issue("ca", "the authority")
other = issue("other-ca", "another authority")
issue("server", "127.0.0.1", ca)
issue("expired", "server", ca, NOW - DAY)
issue("client", "certified", ca)
issue("expired-client", "certified", ca, NOW - DAY)
issue("other-client", "certified", other)
