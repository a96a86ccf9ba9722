"""Errors of creating and changing collections."""

from main_service.errors import AppError


class CollectionNameTakenError(AppError, status=409, code="collection_name_taken", field="name"):
    message = "You already have a collection with this name. Try another."


class TooManyCollectionsError(AppError, status=409, code="too_many_collections"):
    message = "You have 1,000 collections, the limit. Delete one first."
