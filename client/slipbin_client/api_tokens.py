"""API tokens: in the keyring of the system where there is one, else in a file of mode 0600."""

import importlib
import os
import shutil
import subprocess
from typing import Any, Protocol

from slipbin_client.configuration import note_token_place, token_place
from slipbin_client.errors import ClientError, ExitCode
from slipbin_client.private_files import PrivateFile, config_folder

_SERVICE = "slipbin"
_UNLOCK_SECONDS = 120
"""How long a person may take to enter the password of the keyring."""
_MIN_PRIORITY = 1
"""Backends of `keyring` below it keep tokens in plain text, or fail always."""


class StoreError(Exception):
    """The store can't be used now. Its text says why."""


class Store(Protocol):
    """A place for tokens. Each method may raise StoreError."""

    described: str

    def write(self, site: str, token: str) -> None: ...
    def read(self, site: str) -> str | None: ...
    def delete(self, site: str) -> None: ...


class KeyringStore:
    """The keyring that the package `keyring` finds. It is optional."""

    described = "the keyring of the system"

    def __init__(self) -> None:
        try:
            self._keyring: Any = importlib.import_module("keyring")
            self._errors: Any = importlib.import_module("keyring.errors")
        except ImportError:
            raise StoreError("the package keyring isn't installed") from None
        if self._keyring.get_keyring().priority < _MIN_PRIORITY:
            raise StoreError("the package keyring finds no keyring")

    def write(self, site: str, token: str) -> None:
        self._call("set_password", site, token)

    def read(self, site: str) -> str | None:
        found: str | None = self._call("get_password", site)
        return found

    def delete(self, site: str) -> None:
        if self.read(site) is not None:
            self._call("delete_password", site)

    def _call(self, name: str, *arguments: str) -> Any:
        try:
            return getattr(self._keyring, name)(_SERVICE, *arguments)
        except self._errors.KeyringError as error:
            raise StoreError(str(error) or type(error).__name__) from error


class SecretToolStore:
    """The keyring of a Linux desktop, through the program secret-tool of libsecret."""

    described = "the keyring of the system (secret-tool)"

    def __init__(self) -> None:
        program = shutil.which("secret-tool")
        if program is None or not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
            raise StoreError("there is no secret-tool with a session bus")
        self._program = program

    def write(self, site: str, token: str) -> None:
        self._run("store", "--label", f"Slipbin at {site}", site=site, given=token)

    def read(self, site: str) -> str | None:
        return self._run("lookup", site=site, may_fail_silently=True) or None

    def delete(self, site: str) -> None:
        self._run("clear", site=site, may_fail_silently=True)

    def _run(self, *arguments: str, site: str, given: str = "", may_fail_silently: bool = False) -> str:
        """`may_fail_silently`: it exits with 1 and says nothing where there is no such token."""
        command = [self._program, *arguments, "service", _SERVICE, "site", site]
        try:
            done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=_UNLOCK_SECONDS)
        except (OSError, subprocess.TimeoutExpired) as error:
            raise StoreError(str(error)) from error
        trouble = done.stderr.strip()
        if done.returncode and (trouble or not may_fail_silently):
            raise StoreError(trouble or f"secret-tool exited with {done.returncode}")
        return done.stdout.strip()


class FileStore:
    """A file that only its owner may read. It takes every token."""

    def __init__(self) -> None:
        self._file = PrivateFile(config_folder() / "tokens.json")
        self.described = str(self._file.path)

    def write(self, site: str, token: str) -> None:
        self._file.change(lambda tokens: tokens.update({site: token}))

    def read(self, site: str) -> str | None:
        token = self._file.read().get(site)
        return token if isinstance(token, str) else None

    def delete(self, site: str) -> None:
        self._file.change(lambda tokens: tokens.pop(site, None) and None)


_FILE = "file"
_STORES: dict[str, type[Store]] = {"keyring": KeyringStore, "secret-tool": SecretToolStore, _FILE: FileStore}
"""The stores by their names in the configuration, in the order in which they are tried."""


def keep_token(site: str, token: str, *, may_use_keyring: bool) -> str:
    """Keep the API token of a site in place of the one before; return where, in words.

    Raises:
        ClientError: not even in a file.
    """
    try:
        forget_token(site)
    except ClientError:
        # A keyring that is gone must not keep its user from signing in.
        note_token_place(site, None)
    for place in _STORES if may_use_keyring else (_FILE,):
        try:
            store = _store(place)
            store.write(site, token)
        except StoreError:
            continue
        note_token_place(site, place)
        described: str = store.described
        return described
    raise AssertionError("a file takes every token")


def find_token(site: str) -> str | None:
    """The API token of a site; None: the user never signed in there. Keyrings are only asked for tokens they have.

    Raises:
        ClientError: the keyring that has it can't be read, or has it no more.
    """
    place = token_place(site)
    if place is None:
        return None
    try:
        token = _store(place).read(site)
    except StoreError as error:
        raise ClientError(f"The API token can't be read from {place}: {error}. Sign in again: slipbin login") from error
    if token is None:
        raise ClientError(f"The API token is no longer in {place}. Sign in again: slipbin login", ExitCode.NOT_ALLOWED)
    return token


def forget_token(site: str) -> bool:
    """Delete the API token of a site here; the service still accepts it. False: there was none.

    Raises:
        ClientError: the keyring that has it can't be changed.
    """
    place = token_place(site)
    if place is None:
        return False
    try:
        _store(place).delete(site)
    except StoreError as error:
        raise ClientError(f"The API token can't be deleted from {place}: {error}") from error
    note_token_place(site, None)
    return True


def _store(place: str) -> Store:
    if place not in _STORES:
        raise StoreError("there is no such place")
    return _STORES[place]()
