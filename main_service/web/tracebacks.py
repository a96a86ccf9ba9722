"""Lets go of what the traceback of an answered error holds: the frames, and in them the request with its body."""


def drop_tracebacks(error: BaseException) -> None:
    """Take the traceback from the error and from all that led to it.

    A frame in which a variable names the error is a circle with it, and the framework's frames are such: only the
    garbage collector would find it, which seldom runs here, and until then the body would stay beside the budget of
    all bodies. The frames themselves are not cleared: an error that several requests share has those of others, too.
    """
    errors: list[BaseException | None] = [error]
    seen = set()
    while errors:
        each = errors.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        each.__traceback__ = None
        errors += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            errors += each.exceptions
