"""Install locked jars from Maven.

jars.py BUNDLE=FOLDER ...   download bundles of jars.lock into new folders, which appear only once complete
jars.py --update            regenerate jars.lock from jars.toml

A download that fails is retried with growing pauses, for about a minute.
"""

import hashlib
import json
import os
import sys
import tarfile
import tempfile
import threading
import time
import tomllib
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shutil import rmtree

from jgo.maven import MavenContext
from requests import RequestException

HERE = Path(__file__).parent
CACHE = Path(os.environ["USER_AUTOMATION_CACHE"])
MAVEN = MavenContext(repo_cache=CACHE / "maven", timeout=60)
PAUSES = [1, 2, 4, 8, 16, 32]  # in seconds, before each retry
FAILURES = (RequestException, RuntimeError)  # no connection, or a response other than 200
pausing = threading.Lock()


def artifact(coordinate: str):
    """group:name:version:packaging, or with a classifier group:name:version:packaging:classifier"""
    group, name, version, packaging, *classifier = coordinate.split(":")
    return MAVEN.project(group, name).at_version(version).artifact(*classifier or [""], packaging)


def coordinate_of(a) -> str:
    return ":".join([a.groupId, a.artifactId, a.version, a.packaging] + ([a.classifier] if a.classifier else []))


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def downloaded(coordinate: str) -> Path:
    file = artifact(coordinate)
    for seconds in PAUSES:
        try:
            return file.resolve()
        except FAILURES as error:
            file.cached_path.unlink(missing_ok=True)  # it may have begun
            pause(seconds, f"jars: downloading {coordinate} failed, next attempt in {seconds} s: {error}")
    return file.resolve()


def pause(seconds: int, reason: str) -> None:
    """Of the downloads that pause at the same time, one says why."""
    first = pausing.acquire(blocking=False)
    if first:
        print(reason, file=sys.stderr, flush=True)
    time.sleep(seconds)
    if first:
        pausing.release()


def verified(coordinate: str, expected: str) -> Path:
    """The file with exactly the locked checksum; a truncated download is retried once."""
    for _ in range(2):
        path = downloaded(coordinate)
        if sha256(path) == expected:
            return path
        path.unlink()
    raise SystemExit(f"{coordinate} does not match its checksum in stack/install/jars.lock and was not installed")


def install(name: str, folder: Path) -> None:
    files = json.loads((HERE / "jars.lock").read_text())[name]
    print(f"jars: installing {name}, {len(files)} files", flush=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=folder.parent))
    try:
        with ThreadPoolExecutor(8) as pool:
            for path in pool.map(lambda item: verified(*item), files.items()):
                add(path, beside)
        beside.chmod(0o755)
        beside.rename(folder)
    except BaseException:
        rmtree(beside)
        raise


def add(path: Path, folder: Path) -> None:
    """Unpack an archive, or the one inside a jar of PostgreSQL's binaries; link any other file."""
    if path.name.endswith(".tar.gz"):
        with tarfile.open(path) as archive:
            extract(archive, folder)
    elif path.name.startswith("embedded-postgres-binaries-"):
        with zipfile.ZipFile(path) as jar:
            [name] = [name for name in jar.namelist() if name.endswith(".txz")]
            with jar.open(name) as file, tarfile.open(fileobj=file, mode="r|xz") as archive:
                extract(archive, folder)
    else:
        os.link(path, folder / path.name)


def extract(archive: tarfile.TarFile, folder: Path) -> None:
    archive.extraction_filter = getattr(tarfile, "data_filter", lambda member, _: member)
    archive.extractall(folder)


def resolved(bundle: dict) -> list:
    if "archive" in bundle:
        return [artifact(bundle["archive"])]
    wanted = [MAVEN.create_dependency(coordinate) for coordinate in bundle["jars"]]
    top, below = MAVEN.resolver.resolve(wanted)
    exclude = bundle.get("exclude", [])
    return [
        dependency.artifact
        for dependency in top + below
        if dependency.artifact.packaging == "jar"
        and not any(coordinate_of(dependency.artifact).startswith(prefix) for prefix in exclude)
    ]


def update() -> None:
    bundles = tomllib.loads((HERE / "jars.toml").read_text())
    lock = {
        name: {coordinate_of(a): sha256(a.resolve()) for a in sorted(resolved(bundle), key=coordinate_of)}
        for name, bundle in bundles.items()
    }
    (HERE / "jars.lock").write_text(json.dumps(lock, indent=2) + "\n")


if __name__ == "__main__":
    if sys.argv[1:] == ["--update"]:
        update()
    else:
        for argument in sys.argv[1:]:
            name, folder = argument.split("=", 1)
            try:
                install(name, Path(folder))
            except FAILURES as error:
                sys.exit(f"jars: {name} could not be downloaded: {error}")
