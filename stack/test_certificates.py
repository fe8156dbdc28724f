"""The certificates that a stack issues for itself."""

from ipaddress import IPv4Address
from stat import S_IMODE

import pytest
from certificates import main
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_der_private_key, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID


@pytest.fixture
def folder(tmp_path):
    main(tmp_path, ["kafka:both", "api:server", "debezium:client"])
    return tmp_path


def load(file):
    return x509.load_pem_x509_certificate(file.read_bytes())


def test_servers_are_named_by_loopback_and_clients_by_their_role(folder):
    names = load(folder / "api/server.crt").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.IPAddress) == [IPv4Address("127.0.0.1")]
    assert names.get_values_for_type(x509.DNSName) == ["localhost"]
    assert load(folder / "debezium/client.crt").subject.rfc4514_string() == "CN=debezium"


def test_a_server_in_a_container_has_its_service_s_name_too(tmp_path):
    main(tmp_path, ["broker:both"], named=True)
    names = load(tmp_path / "broker/server.crt").extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "broker"]


def test_a_certificate_is_good_for_its_use_only(folder):
    def uses(file):
        return set(load(folder / file).extensions.get_extension_for_class(x509.ExtendedKeyUsage).value)

    assert uses("api/server.crt") == {ExtendedKeyUsageOID.SERVER_AUTH}
    assert uses("debezium/client.crt") == {ExtendedKeyUsageOID.CLIENT_AUTH}
    assert uses("kafka/server.crt") == {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}


def test_the_authority_stays_and_signs_further_certificates(folder):
    authority = load(folder / "ca.crt")
    before = load(folder / "api/server.crt")
    main(folder, ["api:server"])
    after = load(folder / "api/server.crt")
    assert after != before
    for certificate in (before, after, load(folder / "kafka/ca.crt")):
        certificate.verify_directly_issued_by(authority)


def test_keys_belong_to_their_certificates_and_only_the_owner_reads_them(folder):
    key = load_pem_private_key((folder / "api/server.key").read_bytes(), None)
    assert key.public_key() == load(folder / "api/server.crt").public_key()
    key = load_der_private_key((folder / "debezium/client.pk8").read_bytes(), None)
    assert key.public_key() == load(folder / "debezium/client.crt").public_key()
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert {S_IMODE(file.stat().st_mode) for file in files} == {0o600}
