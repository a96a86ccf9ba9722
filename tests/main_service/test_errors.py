"""Every expected failure declares what its answer needs."""

from collections.abc import Iterator

import pytest

from main_service.app import create_app
from main_service.errors import AppError, FieldError


def subclasses(base: type[AppError]) -> Iterator[type[AppError]]:
    for subclass in base.__subclasses__():
        yield subclass
        yield from subclasses(subclass)


def test_every_error_has_a_status_and_a_code() -> None:
    assert create_app, "all features are imported, and with them their errors"
    # Those of the framework get theirs when they are raised.
    declared = [error for error in subclasses(AppError) if not error.__name__.startswith("_")]

    assert len(declared) > 40
    assert not [error for error in declared if not (400 <= error.status < 600 and error.code.islower())]


def test_error_about_a_field_names_it_with_its_code_and_sentence() -> None:
    class TeapotError(AppError, status=418, code="teapot", field="pot"):
        message = "It is a teapot."

    class ColdTeapotError(TeapotError, code="cold_teapot"):
        message = "It is cold."

    assert TeapotError().fields == (FieldError("pot", "teapot", "It is a teapot."),)
    assert (ColdTeapotError.status, ColdTeapotError.code) == (418, "cold_teapot")
    assert ColdTeapotError().fields == (FieldError("pot", "cold_teapot", "It is cold."),)


def test_error_of_no_field_takes_those_that_it_is_given() -> None:
    fields = [FieldError("pot", "cold", "It is cold.")]

    class TeapotError(AppError, status=418, code="teapot"):
        message = "It is a teapot."

    with pytest.raises(TeapotError) as raised:
        raise TeapotError("It is a kettle.", fields=fields)

    assert (raised.value.message, raised.value.fields) == ("It is a kettle.", tuple(fields))
