"""Runs the Dockerfile without Docker: its steps in turn, as a script, with a folder as the root of the file system.

The base image's part is played by this machine and its Python. All stages have the same root one after the other, so
that an address written by one stage (a script's first line, for example) still holds in the next.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.deployment.dockerfile import assignments, sent_files, stages
from tests.support.engines import REPOSITORY, Environment

BASE_PATH = f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin"
OUR_FOLDERS = re.compile(r"(?<![\w./-])/(?=(?:opt|etc|run|var|srv|build)\b)")
BUILD_SECONDS = 400
PASSED_ON = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "HOME")
"""With pip's own, what pip needs to reach its registry from here."""


@dataclass
class Image:
    root: Path
    environment: Environment = field(default_factory=dict)
    folder: Path = Path("/")
    """Where commands run, as seen from inside."""

    def inside(self, text: str) -> str:
        """`text` with the image's folders as this machine sees them."""
        return OUR_FOLDERS.sub(f"{self.root}/", text)

    def path(self, path: str) -> Path:
        return self.root / os.path.normpath(self.folder / path).lstrip("/")

    def command_environment(self) -> Environment:
        return {"HOME": "/nonexistent", **{name: self.inside(value) for name, value in self.environment.items()}}


def build(root: Path) -> Image:
    """The image of the last stage, below `root`; what earlier stages leave lies beside it."""
    finished: dict[str, Path] = {}
    stand_ins = _stand_ins(root.with_name("stand-ins"))
    for stage in (all_stages := stages()):
        image = Image(root, {"PATH": f"{stand_ins}:{BASE_PATH}"})
        (root / "etc").mkdir(parents=True)
        for name, rest in stage.steps:
            match name:
                case "ENV":
                    new = {
                        key: value.replace("$PATH", image.environment["PATH"])
                        for key, value in assignments(rest).items()
                    }
                    image.environment |= new
                case "WORKDIR":
                    image.folder = Path(rest)
                    image.path(".").mkdir(parents=True, exist_ok=True)
                case "COPY":
                    _copy(rest, image, finished)
                # The standard library is this machine's, and stays as it is.
                case "RUN" if "sysconfig" not in rest:
                    _run(rest, image)
        if stage is not all_stages[-1]:
            finished[stage.name] = root.rename(root.with_name(stage.name))
    image.environment["PATH"] = image.environment["PATH"].replace(f"{stand_ins}:", "")
    return image


def _copy(rest: str, image: Image, finished: dict[str, Path]) -> None:
    *sources, target = rest.split()
    if sources[0].startswith("--from="):
        stage, (source,) = sources[0].removeprefix("--from="), sources[1:]
        shutil.copytree(finished[stage] / source.lstrip("/"), image.path(target), symlinks=True)
        return
    for source in sources:
        for file in sent_files():
            if source == "." or file == source:
                copy = image.path(target) / file
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(REPOSITORY / file, copy)


def _run(rest: str, image: Image) -> None:
    passed_on = {
        name: value for name, value in os.environ.items() if name.upper() in PASSED_ON or name.startswith("PIP_")
    }
    done = subprocess.run(
        ["/bin/sh", "-c", image.inside(rest)],
        env={**passed_on, **image.command_environment(), "HOME": os.environ.get("HOME", "/nonexistent")},
        cwd=image.path("."),
        capture_output=True,
        text=True,
        timeout=BUILD_SECONDS,
        check=False,
    )
    assert done.returncode == 0, f"RUN {rest}\n{done.stdout}\n{done.stderr}"


def _stand_ins(folder: Path) -> Path:
    """A folder of programs to find before the system's: a `chown` that does nothing, unless the tests run as root."""
    folder.mkdir()
    if os.geteuid() != 0:
        (folder / "chown").symlink_to("/bin/true")
    return folder
