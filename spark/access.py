"""How the job is let in by Kafka, Cassandra and the Schema Registry: TLS and logins, by the project's settings."""

import atexit
import os
import shutil
import ssl
import subprocess
import tempfile
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from faults import FinalError

Env = Mapping[str, str]

#: The password of the PKCS #12 file that the job makes of a PEM file: Java wants one, and the file holds no secret.
STORE_PASSWORD = "user-automation"
#: Of TLS 1.3, and those of TLS 1.2 with forward secrecy.
CIPHER_SUITES = (
    *("TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256"),
    *(f"TLS_ECDHE_{key}_WITH_AES_{size}" for key in ("ECDSA", "RSA") for size in ("256_GCM_SHA384", "128_GCM_SHA256")),
)


def secret(env: Env, name: str) -> str | None:
    """The value of a variable, or of the file that NAME_FILE names, without the line break at its end."""
    file = env.get(f"{name}_FILE")
    if not file:
        return env.get(name) or None
    if env.get(name):
        raise FinalError(f"{name} and {name}_FILE are both set: remove one of them")
    try:
        text = Path(file).read_text(encoding="utf-8")
    except OSError as error:
        raise FinalError(f"{name}_FILE names {file}, which cannot be read: {error.strerror}") from error
    return text.removesuffix("\n").removesuffix("\r")


@dataclass(frozen=True)
class Files:
    """The PEM files for one server."""

    ca: str | None
    certificate: str | None
    key: str | None

    @staticmethod
    def of(env: Env, prefix: str) -> "Files":
        files = {what: env.get(f"{prefix}_{what}_FILE") or None for what in ("CA", "CERTIFICATE", "KEY")}
        for what, file in files.items():
            if file and not os.access(file, os.R_OK):
                raise FinalError(f"{prefix}_{what}_FILE names {file}, which does not exist or cannot be read")
        if bool(files["CERTIFICATE"]) != bool(files["KEY"]):
            raise FinalError(f"{prefix}_CERTIFICATE_FILE and {prefix}_KEY_FILE are needed together")
        return Files(files["CA"], files["CERTIFICATE"], files["KEY"])

    def context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.ca)
        if self.certificate:
            context.load_cert_chain(self.certificate, self.key)
        return context


@dataclass(frozen=True)
class RegistryAccess:
    headers: Mapping[str, str]
    files: Files

    @staticmethod
    def of(env: Env) -> "RegistryAccess":
        token, username = secret(env, "SCHEMA_REGISTRY_TOKEN"), env.get("SCHEMA_REGISTRY_USERNAME")
        headers = {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        elif username:
            login = f"{username}:{secret(env, 'SCHEMA_REGISTRY_PASSWORD') or ''}"
            headers["Authorization"] = f"Basic {b64encode(login.encode()).decode()}"
        return RegistryAccess(headers, Files.of(env, "SCHEMA_REGISTRY"))


@dataclass(frozen=True)
class CassandraAccess:
    tls: bool
    files: Files
    server_name: str | None
    bundle: str | None

    @staticmethod
    def of(env: Env) -> "CassandraAccess":
        return CassandraAccess(
            tls=is_on(env, "CASSANDRA_TLS"),
            files=Files.of(env, "CASSANDRA"),
            server_name=env.get("CASSANDRA_SERVER_NAME") or None,
            bundle=env.get("CASSANDRA_SECURE_CONNECT_BUNDLE") or None,
        )

    def driver_options(self) -> dict[str, Any]:
        """Arguments of the Python driver's Cluster."""
        if self.bundle:
            return {"cloud": {"secure_connect_bundle": self.bundle}}
        if not self.tls:
            return {}
        named = {"ssl_options": {"server_hostname": self.server_name}} if self.server_name else {}
        return {"ssl_context": self.files.context(), **named}

    def connector_options(self, given: Mapping[str, str]) -> dict[str, str]:
        """
        The connector's part of Spark's configuration, but for what is `given`. It checks the authority that signed the
        nodes' certificates, not their names, and reads only Java's formats: the authorities are converted with keytool.
        """
        if self.bundle:
            return {"spark.cassandra.connection.config.cloud.path": self.bundle}
        if not self.tls:
            return {}
        prefix = "spark.cassandra.connection.ssl"
        # Its own choice, two suites with RSA keys only, is older than TLS 1.3 and certificates with elliptic curves.
        options = {f"{prefix}.enabled": "true", f"{prefix}.enabledAlgorithms": ",".join(CIPHER_SUITES)}
        if self.files.ca and f"{prefix}.trustStore.path" not in given:
            options[f"{prefix}.trustStore.path"] = trust_store(Path(self.files.ca))
            options[f"{prefix}.trustStore.password"] = STORE_PASSWORD
            options[f"{prefix}.trustStore.type"] = "PKCS12"
        if self.files.certificate:
            if f"{prefix}.keyStore.path" not in given:
                raise FinalError(
                    "Spark's connector reads no certificate in PEM (CASSANDRA_CERTIFICATE_FILE): convert it, "
                    "`openssl pkcs12 -export -in CERTIFICATE -inkey KEY -out client.p12`, and submit with "
                    f"--conf {prefix}.keyStore.path=client.p12 and so on (docs/spark.md)"
                )
            options[f"{prefix}.clientAuth.enabled"] = "true"
        return options


def trust_store(ca: Path) -> str:
    """A PKCS #12 file with the certificates of a PEM file, in a new folder that is removed when the job ends."""
    java = os.environ.get("JAVA_HOME")
    keytool = shutil.which(f"{java}/bin/keytool" if java else "keytool") or shutil.which("keytool")
    if keytool is None:
        raise FinalError(
            "Java's keytool, which converts CASSANDRA_CA_FILE, was found neither in JAVA_HOME nor on the PATH"
        )
    folder = Path(tempfile.mkdtemp(prefix="spark-trust-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    store = folder / "trust.p12"
    end = "-----END CERTIFICATE-----"
    certificates = [part + end for part in ca.read_text(encoding="utf-8").split(end)[:-1]]
    for index, certificate in enumerate(certificates):
        imported = subprocess.run(
            [
                *[keytool, "-importcert", "-noprompt", "-alias", f"ca{index}", "-keystore", str(store)],
                *["-storetype", "PKCS12", "-storepass", STORE_PASSWORD],
            ],
            input=certificate.encode(),
            capture_output=True,
            check=False,
            umask=0o077,
        )
        if imported.returncode != 0:
            raise FinalError(
                f"CASSANDRA_CA_FILE names {ca}, which keytool cannot read: {imported.stdout.decode().strip()}"
            )
    if not certificates:
        raise FinalError(f"CASSANDRA_CA_FILE names {ca}, which has no certificate in PEM")
    return str(store)


def kafka_options(env: Env) -> dict[str, str]:
    """Options of Spark's Kafka source and sink. Certificates are passed as text, so that executors need no files."""
    tls, mechanism = is_on(env, "KAFKA_TLS"), (env.get("KAFKA_SASL_MECHANISM") or "none").upper()
    protocol = ("SASL_" if mechanism != "NONE" else "") + ("SSL" if tls else "PLAINTEXT")
    options = {} if protocol == "PLAINTEXT" else {"kafka.security.protocol": protocol}
    if tls:
        if env.get("KAFKA_SERVER_NAME"):
            raise FinalError(
                "KAFKA_SERVER_NAME is set, and Java's Kafka client has no such setting: use the brokers' names"
            )
        files = Files.of(env, "KAFKA")
        if files.ca:
            options["kafka.ssl.truststore.type"] = "PEM"
            options["kafka.ssl.truststore.certificates"] = Path(files.ca).read_text(encoding="utf-8")
        if files.certificate and files.key:
            options["kafka.ssl.keystore.type"] = "PEM"
            options["kafka.ssl.keystore.certificate.chain"] = Path(files.certificate).read_text(encoding="utf-8")
            options["kafka.ssl.keystore.key"] = Path(files.key).read_text(encoding="utf-8")
    if mechanism != "NONE":
        options["kafka.sasl.mechanism"] = mechanism
        options["kafka.sasl.jaas.config"] = _login(env, mechanism)
    if mechanism == "OAUTHBEARER":
        options["kafka.sasl.oauthbearer.token.endpoint.url"] = env.get("KAFKA_OAUTH_TOKEN_URL", "")
        options["kafka.sasl.login.callback.handler.class"] = (
            "org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginCallbackHandler"
        )
    return options


def _login(env: Env, mechanism: str) -> str:
    if mechanism == "OAUTHBEARER":
        values = {
            "clientId": env.get("KAFKA_OAUTH_CLIENT_ID"),
            "clientSecret": secret(env, "KAFKA_OAUTH_CLIENT_SECRET"),
            "scope": env.get("KAFKA_OAUTH_SCOPE"),
        }
        module = "oauthbearer.OAuthBearerLoginModule"
    else:
        values = {"username": env.get("KAFKA_SASL_USERNAME"), "password": secret(env, "KAFKA_SASL_PASSWORD")}
        module = "plain.PlainLoginModule" if mechanism == "PLAIN" else "scram.ScramLoginModule"
    given = " ".join(f'{key}="{_escaped(value)}"' for key, value in values.items() if value)
    return f"org.apache.kafka.common.security.{module} required {given};"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"')


def is_on(env: Env, name: str) -> bool:
    return (env.get(name) or "false").lower() in ("true", "1", "yes", "on", "y", "enabled")
