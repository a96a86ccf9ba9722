"""The formats that can be imported, and the source that reads each. A source is loaded when it is first used."""

from enum import StrEnum
from importlib import import_module
from typing import cast

from main_service.transfer.records import Source


class ImportFormat(StrEnum):
    SLIPBIN_ZIP = "slipbin-zip"
    SLIPBIN_CSV = "slipbin-csv"
    BITLY_CSV = "bitly-csv"
    SHLINK_CSV = "shlink-csv"
    KUTT_CSV = "kutt-csv"
    YOURLS_CSV = "yourls-csv"
    YOURLS_SQL = "yourls-sql"
    HASTE_FOLDER = "haste-folder"
    ZEROX0_FOLDER = "0x0-folder"
    GITHUB_GISTS = "github-gists"

    @property
    def service(self) -> str:
        """The service that it comes from: what two formats of one service hold is the same."""
        return self.value.split("-")[0]


_MODULES = {ImportFormat.ZEROX0_FOLDER: "zerox0_folder"}


def source_of(file_format: ImportFormat) -> Source:
    """The source of a format: `read` of the module in `sources` that has its name."""
    name = _MODULES.get(file_format, file_format.value.replace("-", "_"))
    return cast(Source, import_module(f"main_service.transfer.sources.{name}").read)
