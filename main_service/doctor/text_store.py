"""Checks the object store by what the service does there: write, read and delete a text."""

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from main_service.doctor.addresses import causes_of, shown_address, why_unreachable
from main_service.doctor.findings import Report
from main_service.engines.disk_floor import free_bytes
from main_service.engines.texts import BodyStore
from main_service.errors import NoCredentialsError
from main_service.resources import object_store_of
from main_service.settings import Settings

TEXT = b"A text of `main_service doctor`, which deletes it at once."
_S3_CODE = re.compile(r"<Code>(\w+)</Code>")
_MEBIBYTE = 1024 * 1024
_DELETE_FILES = "`df -i` tells whether it has inodes left, `du --inodes -x -d 2` where the files are: delete some."


async def check_text_store(settings: Settings, report: Report) -> None:
    store = object_store_of(settings)
    if store.folder is not None and not _judge_folder(store.folder, settings, report):
        return
    bodies = BodyStore(store, max_text_bytes=settings.max_text_bytes)
    # Under an id like that of any text: should it be left there, the nightly clean-up deletes it.
    body_id = uuid4()
    where = str(store.folder) if store.folder else settings.body_store_url
    try:
        await bodies.put(body_id, TEXT)
        read = await bodies.get(body_id)
        await bodies.delete([body_id])
    except Exception as error:
        report.problem(*why_not(error, settings, where))
        return
    if read != TEXT:
        report.problem(f"{where} returns something else than what was written.", "Do not use this store.")
    else:
        report.ok(f"A text could be written to {where}, read and deleted.")


def open_beforehand(settings: Settings) -> None:
    """Look up S3 credentials before the checks: it blocks the event loop for a while.

    A folder is left alone: opening it would make one where a disk is not mounted.
    """
    store = object_store_of(settings)
    if store.folder is None:
        # The check itself reports the error.
        with suppress(Exception):
            store.open()


def _judge_folder(folder: Path, settings: Settings, report: Report) -> bool:
    """Whether to try writing: the folder must not be created where a disk is not mounted."""
    if not folder.is_dir():
        report.problem(
            f"The folder of texts {folder} is missing.",
            "If it is on a disk of its own, mount that. For a new installation, create it for the service's user.",
        )
        return False
    disk = os.statvfs(folder)
    if disk.f_flag & os.ST_RDONLY:
        report.problem(
            f"The disk of the folder {folder} is mounted read-only.",
            "See the kernel's log (dmesg) for a failing disk, then mount it with rw.",
        )
        return False
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        report.problem(
            f"This user may not write in the folder of texts {folder}.",
            "Give it to the user that the services run as (chown -R), with mode 700.",
        )
        return False
    free = free_bytes(folder)
    floor = settings.body_store_min_free_bytes
    if floor and free < floor:
        report.problem(
            f"The disk of the folder {folder} has {free // _MEBIBYTE} MiB left, less than "
            f"MAIN_BODY_STORE_MIN_FREE_BYTES ({floor // _MEBIBYTE} MiB): new texts are refused.",
            "Make room on it, or lower the setting.",
        )
    elif disk.f_files and disk.f_favail < 1000:
        report.problem(f"The disk of the folder {folder} can hold hardly any more files.", _DELETE_FILES)
    return True


_CODES = {
    "NoSuchBucket": ("The bucket of {where} does not exist.", "Run: python -m main_service migrate, which creates it."),
    "InvalidAccessKeyId": (
        "The S3 server at {server} does not know the access key.",
        "Correct AWS_ACCESS_KEY_ID (or the profile, or the file of AWS_SHARED_CREDENTIALS_FILE).",
    ),
    "XAdminUserNotFound": (
        "The S3 server at {server} does not know the access key.",
        "Correct AWS_ACCESS_KEY_ID (or the profile, or the file of AWS_SHARED_CREDENTIALS_FILE).",
    ),
    "SignatureDoesNotMatch": (
        "The S3 server at {server} refuses our signature: access key and secret key don't fit together.",
        "Correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (or the file of AWS_SHARED_CREDENTIALS_FILE).",
    ),
    "RequestTimeTooSkewed": (
        "The clock of this machine differs too much from that of the S3 server at {server}.",
        "Have both kept by NTP: timedatectl set-ntp true",
    ),
    "AccessDenied": (
        "The S3 server at {server} denies reading, writing or deleting in {where}, or the key is wrong.",
        "Correct the keys, or allow s3:GetObject, s3:PutObject, s3:DeleteObject and s3:ListBucket on the bucket.",
    ),
    "AuthorizationHeaderMalformed": (
        "The S3 server at {server} expects another region.",
        "Set MAIN_BODY_STORE_REGION to the bucket's region.",
    ),
    "PermanentRedirect": (
        "The bucket of {where} is in another region.",
        "Set MAIN_BODY_STORE_REGION to it.",
    ),
}
_DENIED = re.compile(r"\b(?:401|403)\b|Unauthorized|Forbidden|PermissionDenied")


def why_not(error: BaseException, settings: Settings, where: str) -> tuple[str, str]:
    endpoint = settings.body_store_endpoint
    server = shown_address(endpoint, default_port=443 if endpoint.startswith("https") else 80) if endpoint else "Amazon"
    causes = list(causes_of(error))
    for cause in causes:
        if isinstance(cause, NoCredentialsError):
            return (
                "No S3 credentials were found.",
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a file in AWS_SHARED_CREDENTIALS_FILE.",
            )
    words: Any = " ".join(str(cause) for cause in causes)
    code = next((found for found in _S3_CODE.findall(words) if found in _CODES), None)
    if code is None and "NoSuchBucket" in words:
        code = "NoSuchBucket"
    if code is None and _DENIED.search(words):
        code = "AccessDenied"
    if code is not None:
        sentence, advice = _CODES[code]
        return sentence.format(where=where, server=server), advice
    if endpoint or settings.body_store_url.startswith("s3:"):
        is_reached = any(isinstance(cause, FileNotFoundError) for cause in causes)
        found = None if is_reached else why_unreachable(error, address=server, setting="MAIN_BODY_STORE_ENDPOINT")
        return found or _why_no_s3(words, server)
    if "No space left" in words or "os error 28" in words:
        return (
            f"A text could not be written to {where}: its disk is full, of bytes or of files.",
            f"Make room on it. {_DELETE_FILES}",
        )
    for cause in causes:
        if isinstance(cause, OSError) and cause.strerror:
            return f"A text could not be written to {where}: {cause.strerror}.", "Make room, or change its rights."
    return f"A text could not be kept in {where} ({type(causes[-1]).__name__}).", "See the disk and its rights."


def _why_no_s3(words: str, server: str) -> tuple[str, str]:
    """The cause of a network error, which obstore tells only in its message."""
    advice = "Start the S3 server, or correct MAIN_BODY_STORE_ENDPOINT."
    lowered = words.lower()
    if "refused" in lowered:
        return f"Nothing listens at {server}.", advice
    if "dns" in lowered or "resolve" in lowered or "lookup" in lowered:
        return f"The name in {server} can't be resolved.", advice
    if "certificate" in lowered:
        return f"The certificate of {server} is not accepted.", "Renew it, or trust its authority (SSL_CERT_FILE)."
    if "timed out" in lowered or "timeout" in lowered:
        return f"{server} does not answer in time.", advice
    return f"The S3 server at {server} refuses or can't be reached.", f"{advice} Its own log says more."
