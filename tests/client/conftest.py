"""Fixtures of the command line client."""

from pathlib import Path

import pytest

from tests.support.command_line_client import CommandLineClient
from tests.support.web import WebServer


@pytest.fixture
def slipbin(tmp_path: Path, web: WebServer) -> CommandLineClient:
    """The command-line client, signed in to no account."""
    return CommandLineClient(tmp_path, web.address)
