"""Renders emails: subject, text and HTML from the templates in templates/mail."""

import re
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from jinja2 import Environment, FileSystemLoader, StrictUndefined, TemplateError, select_autoescape

from main_service.mail.errors import EmailRenderError
from main_service.mail.outbox import Mail
from main_service.mail.transport import mail_host
from main_service.settings import Settings
from main_service.web.templating import SITE_NAME, TEMPLATES

_POLICY = SMTP.clone(max_line_length=900, cte_type="7bit")
"""A line may have 998 characters: a link stays in one piece, and can be copied even from the source of an email."""

_ADDRESS = re.compile(r"""[^\s@<>()\[\],;:\\"]+@[^\s@<>(),;\\"]+""")
"""Checks only that it is one address; whether it is a good one, the mail server decides."""


class EmailRenderer:
    """Renders rows of the outbox as messages, from templates that are parsed once."""

    def __init__(self, settings: Settings) -> None:
        self._host = mail_host(settings.public_url)
        self._sender = settings.mail_from or f"{SITE_NAME} <noreply@{self._host}>"
        self._templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=select_autoescape(["html"], default=False),
            trim_blocks=True,
            lstrip_blocks=True,
            undefined=StrictUndefined,
            auto_reload=False,
        )
        self._templates.globals |= {"site_name": SITE_NAME, "public_url": settings.public_url}

    def render(self, mail: Mail, file: bytes | None = None) -> EmailMessage:
        """The message of a row. Rendered twice, it has the same Message-ID and Date.

        `file`: the content of its attachment; None: it has none. Templates find its name, or "", as `attachment`.

        Raises:
            EmailRenderError: the template, the values or the address are wrong.
        """
        # A line break in a value could start something that looks like our own text.
        attached = mail.attachment if file is not None else None
        values = {name: _on_one_line(value) for name, value in mail.values.items()}
        values["attachment"] = attached["name"] if attached else ""
        message = EmailMessage(policy=_POLICY)
        try:
            text = self._templates.get_template(f"mail/{mail.template}.txt")
            html = self._templates.get_template(f"mail/{mail.template}.html")
            subject = "".join(text.blocks["subject"](text.new_context(values)))
            message["Subject"] = _on_one_line(subject)
            message["From"] = self._sender
            message["To"] = _recipient(mail.recipient)
            message["Date"] = mail.created_at
            message["Message-ID"] = f"<{mail.created_at:%Y%m%d%H%M%S}.{mail.id}@{self._host}>"
            message["Auto-Submitted"] = "auto-generated"
            message.set_content(text.render(values))
            message.add_alternative(html.render(values), subtype="html")
            if attached and file is not None:
                _attach(message, file, name=attached["name"], media_type=attached["media_type"])
        except (TemplateError, MessageError, KeyError, ValueError) as error:
            raise EmailRenderError(type(error).__name__) from error
        return message


def _attach(message: EmailMessage, file: bytes, *, name: str, media_type: str) -> None:
    # With a policy of its own: lines of base64 have at most 76 characters, by RFC 2045.
    part = EmailMessage(policy=SMTP)
    maintype, _, subtype = media_type.partition("/")
    part.set_content(file, maintype=maintype, subtype=subtype, filename=name)
    del part["MIME-Version"]
    message.make_mixed()
    message.attach(part)


def _recipient(address: str) -> Address:
    """An address as a header.

    Raises:
        ValueError: it is not exactly one address.
    """
    if not (address.isprintable() and _ADDRESS.fullmatch(address)):
        raise ValueError("no address")
    name, _, domain = address.rpartition("@")
    return Address(username=name, domain=domain)


def _on_one_line(text: str) -> str:
    return re.sub(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+", " ", text).strip()
