"""Prints two ports of 127.0.0.1 that are free, for the gateway: python -m tests.compose.free_ports."""

from contextlib import ExitStack

from tests.support.ports import reserved_port

if __name__ == "__main__":
    with ExitStack() as stack:
        print(*(stack.enter_context(reserved_port()) for _ in range(2)))
