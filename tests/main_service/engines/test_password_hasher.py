"""Passwords are hashed in threads that stand back, however the process was started."""

import os
import subprocess
import sys

import pytest

from tests.support.engines import REPOSITORY

HASH = """
import asyncio, os
from main_service.engines.password_hasher import PasswordHasher

os.nice({niceness})
hashed = asyncio.run(PasswordHasher().hash("a password", address=None))
print(hashed.startswith("$argon2id$"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere threads have no priority of their own")
@pytest.mark.parametrize("niceness", [0, 10, 19])
def test_process_with_a_low_priority_hashes_passwords(niceness: int) -> None:
    # Root may take precedence, but not in a container.
    drop = ["setpriv", "--bounding-set=-sys_nice", "--inh-caps=-sys_nice"] if os.geteuid() == 0 else []
    done = subprocess.run(
        [*drop, sys.executable, "-c", HASH.format(niceness=niceness)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr
