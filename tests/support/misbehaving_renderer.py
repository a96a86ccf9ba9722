"""A renderer that knows one more kind of job, `odd`, which does what no lexer should: started as the real one is."""

import sys
import time
from collections.abc import Mapping

from main_service.rendering.__main__ import main
from main_service.rendering.job import Fragment, Option
from main_service.rendering.kinds import KINDS

COMMAND = (sys.executable, "-m", "tests.support.misbehaving_renderer")


def render(_: str, options: Mapping[str, Option]) -> Fragment:
    does = options["does"]
    if does == "raise":
        raise LookupError("a bug")
    if does == "take all memory":
        taken = []
        while True:
            taken.append(bytearray(16 * 1024 * 1024))
    if does == "print":
        print("what a library has to say", flush=True)
    if does == "hang":
        time.sleep(600)
    if does == "exit":
        sys.exit(3)
    return Fragment("done")


if __name__ == "__main__":
    KINDS["odd"] = "tests.support.misbehaving_renderer"
    main()
