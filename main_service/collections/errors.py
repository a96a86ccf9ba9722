"""What changing a collection may be refused with."""

from main_service.errors import AppError, FieldError


class CollectionNameTakenError(AppError):
    status = 409
    code = "collection_name_taken"
    message = "You have a collection of this name; choose another one."

    def __init__(self) -> None:
        super().__init__(fields=[FieldError("name", self.code, self.message)])


class TooManyCollectionsError(AppError):
    status = 409
    code = "too_many_collections"
    message = "An account has at most 1,000 collections; delete one first."
