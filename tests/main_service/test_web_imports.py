"""A web process holds in memory what it needs, not what only other commands or rare settings do."""

import json
import subprocess
import sys
from pathlib import Path

from tests.support.engines import Environment, full

CODE = """
import json, sys, uvicorn
uvicorn.Server.run = lambda self, sockets=None: print(json.dumps(sorted(sys.modules)))
sys.argv[1:] = ["serve"]
from main_service.__main__ import main
main()
"""
NEEDLESS = {
    "alembic", "babel", "boto3", "botocore", "celery", "cryptography.hazmat", "kombu", "openpyxl", "pydantic.v1.main",
    "requests",
    "rustpy_xlsxwriter", "tldextract", "ua_parser",
}  # fmt: skip


def test_web_process_loads_no_large_package_that_it_does_not_need(environment: Environment) -> None:
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", CODE], cwd=root, env=full(environment), capture_output=True, check=True, text=True
    )
    needless = NEEDLESS.intersection(json.loads(done.stdout))
    assert not needless
