"""Letters that wait to be sent: rows of PostgreSQL, written by the transaction that causes them."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Identity, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

from main_service.engines.postgres import Base, Session


class Mail(Base):
    """A letter: waiting, sent, or given up. Deleted 30 days after it was written."""

    __tablename__ = "mail"
    __table_args__ = (
        Index("ix_mail_due_at_waiting", "due_at", postgresql_where=text("sent_at IS NULL AND failed_at IS NULL")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    cause: Mapped[str] = mapped_column(Text(collation="C"), unique=True)
    recipient: Mapped[str]
    letter: Mapped[str]
    """The name of its templates."""
    values: Mapped[dict[str, str]] = mapped_column(JSONB)
    """What the templates are filled in with. It may hold tokens, so it is emptied once the letter is done with."""
    attachment: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    """A stored file that goes with it, as `Attachment`. None: none, or not any more."""
    created_at: Mapped[datetime] = mapped_column(server_default=text("now()"), index=True)
    due_at: Mapped[datetime] = mapped_column(server_default=text("now()"))
    """Not to be tried before."""
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    """How often the mail server was given it and did not take it."""
    sent_at: Mapped[datetime | None]
    failed_at: Mapped[datetime | None]
    """When it was given up."""


@dataclass(frozen=True)
class Attachment:
    """A file of the object store. If it is gone when the letter is sent, the letter goes without it."""

    file_id: UUID
    name: str
    media_type: str


async def post(
    session: Session,
    *,
    cause: str,
    recipient: str,
    letter: str,
    values: Mapping[str, str],
    attachment: Attachment | None = None,
) -> bool:
    """Let a letter be sent once the transaction is committed; False if this cause has its letter already.

    `cause`: what the letter is about, unlike every other cause of the last 30 days. While another transaction is
    posting the same cause, this waits for its end.
    `recipient`: one address without a name. An internationalised domain reaches more servers in its ASCII form (xn--…).
    `letter`: names the templates `templates/mail/<letter>.txt` and `.html`; `values` fills them in.
    """
    statement = (
        insert(Mail)
        .values(
            cause=cause,
            recipient=recipient,
            letter=letter,
            values=dict(values),
            # JSONB would hold a null of its own kind.
            **({"attachment": {**asdict(attachment), "file_id": str(attachment.file_id)}} if attachment else {}),
        )
        .on_conflict_do_nothing(index_elements=[Mail.cause])
        .returning(Mail.id)
    )
    return (await session.execute(statement)).scalar_one_or_none() is not None
