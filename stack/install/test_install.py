"""install.py with a network that is down; `bun run test` runs this."""

import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path


def test_pip_retries_a_failed_connection_for_about_a_minute_and_says_so(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]  # nothing listens on it once the server is closed
    installer = subprocess.Popen(
        [sys.executable, Path(__file__).with_name("install.py"), "--linters", tmp_path / "linters"],
        env={**os.environ, "USER_AUTOMATION_CACHE": str(tmp_path), "HTTPS_PROXY": f"http://127.0.0.1:{port}"},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        said = next(line for line in installer.stderr if "Retrying" in line)
        assert re.search(r"total=7\b.*Cannot connect to proxy", said), said
        assert installer.poll() is None
    finally:
        os.killpg(installer.pid, signal.SIGKILL)
        installer.wait()
    assert not (tmp_path / "linters" / "complete").exists()
