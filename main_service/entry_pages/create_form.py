"""The form for a new entry: one for pastes and links. Its field `kind` says which of them is wanted."""

from main_service.entries.change import FIELDS_OF_OTHER_KIND
from main_service.entries.models import Kind
from main_service.web.forms import Form

KIND = "kind"
BURN = "burn"
"""The name of the checkbox for a single view. A browser sends no field for a box that is not ticked."""

PASSES_QUERY = "passes_query"
TICKED = "yes"
"""What a browser sends of a checkbox that is ticked."""


def kind_of(form: Form, default: Kind) -> Kind:
    """The kind that the form asks for. `default`: that of forms which have no such field."""
    return next((kind for kind in Kind if form.get(KIND) == kind), default)


def entry_fields(form: Form, kind: Kind) -> Form:
    """The fields of the form that are about an entry of this kind.

    Without scripts a browser sends what was typed for the other kind, too. A form without `kind` keeps it, and is
    refused.
    """
    others = FIELDS_OF_OTHER_KIND[kind] if KIND in form else set()
    fields = {name: value for name, value in form.items() if name not in {KIND, BURN, *others}}
    return fields | {"views": "1"} if form.get(BURN) else fields
