"""What changing a collection may be refused with."""

from main_service.errors import AppError, FieldError


class CollectionNameTakenError(AppError):
    status = 409
    code = "collection_name_taken"
    message = "You already have a collection with this name. Try another."

    def __init__(self) -> None:
        super().__init__(fields=[FieldError("name", self.code, self.message)])


class TooManyCollectionsError(AppError):
    status = 409
    code = "too_many_collections"
    message = "You have 1,000 collections, the limit. Delete one first."
