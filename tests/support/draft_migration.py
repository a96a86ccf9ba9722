"""Drafts a migration: compares the models with a database that has all migrations so far. `make migrate m="…"`."""

import subprocess
import sys

from tests.support.engines import REPOSITORY, full, running_engines, temporary_folder


def main() -> None:
    with temporary_folder() as folder, running_engines(folder) as environment:
        command = [sys.executable, "-m", "alembic", "revision", "--autogenerate", "-m", sys.argv[1]]
        subprocess.run(command, env=full(environment), cwd=REPOSITORY, check=True)
    print("Read it, give every constraint a name, and make sure that the downgrade undoes it.")


if __name__ == "__main__":
    main()
