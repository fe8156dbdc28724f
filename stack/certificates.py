"""Issue certificates: certificates.py [--named] FOLDER NAME:USE..., with USE one of server, client and both.

FOLDER gets an authority of its own, ca.crt, ca.key and for Java ca.p12, unless it has one, and a folder for each NAME, which
is the certificate's common name:

    NAME:server   server.crt, server.key and both in server.pem and server.p12, for 127.0.0.1 and localhost, and with
                  --named for the host NAME; ca.crt
    NAME:both     the same, for a server that also identifies itself to others
    NAME:client   client.crt, client.key and, since PostgreSQL's JDBC driver reads EC keys only as DER, client.pk8; ca.crt;
                  trust.p12, with which a Java server trusts this client and no other

The PKCS #12 files have a password because Java wants one; it protects nothing that file modes do not.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    pkcs12,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

AUTHORITY_VALID_FOR = timedelta(days=3650)
VALID_FOR = timedelta(days=365)
PASSWORD = b"user-automation"
NAMES = [x509.IPAddress(IPv4Address("127.0.0.1")), x509.DNSName("localhost")]
USES = {
    "server": [ExtendedKeyUsageOID.SERVER_AUTH],
    "client": [ExtendedKeyUsageOID.CLIENT_AUTH],
    "both": [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH],
}


def main(folder: Path, wanted: list[str], *, named: bool = False) -> None:
    if not (folder / "ca.key").exists():
        create_authority(folder)
    authority = x509.load_pem_x509_certificate((folder / "ca.crt").read_bytes())
    authority_key = load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
    for each in wanted:
        name, use = each.split(":")
        hosts = [*NAMES, x509.DNSName(name)] if named else NAMES
        issue(folder / name, name, use, hosts, (authority, authority_key))


def create_authority(folder: Path) -> None:
    key = generate_private_key(SECP256R1())
    # With a name of its own, it is told apart from that of another stack, and from the one before it.
    name = common_name(f"user-automation {x509.random_serial_number():x}"[:48])
    certificate = (
        describe(name, name, key, AUTHORITY_VALID_FOR)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    trusted = pkcs12.PKCS12Certificate(certificate, b"ca")
    write(folder / "ca.p12", pkcs12.serialize_java_truststore([trusted], BestAvailableEncryption(PASSWORD)))
    write(folder / "ca.crt", certificate.public_bytes(Encoding.PEM))
    write(folder / "ca.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def issue(
    folder: Path,
    name: str,
    use: str,
    hosts: list[x509.GeneralName],
    by: tuple[x509.Certificate, EllipticCurvePrivateKey],
) -> None:
    authority, authority_key = by
    key = generate_private_key(SECP256R1())
    builder = describe(common_name(name), authority.subject, key, VALID_FOR)
    builder = builder.add_extension(x509.ExtendedKeyUsage(USES[use]), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority_key.public_key())
    builder = builder.add_extension(issuer, critical=False)
    if use != "client":
        builder = builder.add_extension(x509.SubjectAlternativeName(hosts), critical=False)
    certificate = builder.sign(authority_key, SHA256())
    crt = certificate.public_bytes(Encoding.PEM)
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    protection = BestAvailableEncryption(PASSWORD)

    write(folder / "ca.crt", authority.public_bytes(Encoding.PEM))
    if use == "client":
        write(folder / "client.key", pem)
        write(folder / "client.pk8", key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
        trusted = pkcs12.PKCS12Certificate(certificate, name.encode())
        write(folder / "trust.p12", pkcs12.serialize_java_truststore([trusted], protection))
        write(folder / "client.crt", crt)  # last: if it exists, the others do
        return
    write(folder / "server.key", pem)
    write(folder / "server.pem", pem + crt)
    p12 = pkcs12.serialize_key_and_certificates(name.encode(), key, certificate, [authority], protection)
    write(folder / "server.p12", p12)
    write(folder / "server.crt", crt)


def common_name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def describe(
    subject: x509.Name, issuer: x509.Name, key: EllipticCurvePrivateKey, valid_for: timedelta
) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + valid_for)
    )


def write(file: Path, content: bytes) -> None:
    """Replace a file, some of which are private keys, by one that is readable only by its owner."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = file.with_name(f"{file.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as output:
        output.write(content)
    new.replace(file)


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--named"]
    main(Path(arguments[0]), arguments[1:], named="--named" in sys.argv)
