"""What the launcher prints once everything runs: the URL, where emails and data are, how to stop."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from launcher.data.folder import DataFolder
from launcher.listener import Listener
from launcher.logs.terminal import Terminal, draw_box


@dataclass(frozen=True)
class Announcement:
    """What there is to say of a start."""

    listener: Listener
    data: DataFolder
    environ: Mapping[str, str]
    ignored: Sequence[str] = ()
    """The operator's settings that have no effect."""

    def lines(self) -> list[str]:
        """Sentences, for a log."""
        return [
            f"Slipbin is ready: {self.listener.url}",
            *describe_links(self.listener, self.environ),
            *describe_ignored(self.ignored),
            *(
                []
                if self.environ.get("MAIN_SMTP_URL")
                else [f"Emails are not sent but written to {self.data.outbox}, until MAIN_SMTP_URL names a server."]
            ),
            f"Its data are in {self.data.path}. To stop it, press Ctrl-C or end process {os.getpid()}.",
        ]

    def box(self, terminal: Terminal) -> list[str]:
        """The same for a terminal, with what to type next. Links that begin otherwise follow below it."""
        emails = "sent by the server of MAIN_SMTP_URL"
        if not self.environ.get("MAIN_SMTP_URL"):
            emails = f"files in {self.data.outbox}, until MAIN_SMTP_URL names a server"
        rows = [
            ("Emails", emails),
            ("Data", str(self.data.path)),
            ("Logs", f"{self.data.logs} ({self._command('logs')})"),
            ("Look", f"{self._command('status')}, {self._command('doctor')}"),
            ("Stop", f"Ctrl-C, or end process {os.getpid()}"),
        ]
        return [
            *draw_box(f"Slipbin is ready: {self.listener.url}", rows, terminal),
            *describe_links(self.listener, self.environ),
            *describe_ignored(self.ignored),
        ]

    def _command(self, name: str) -> str:
        """The command as it is typed in another terminal for this data folder."""
        if os.environ.get("SLIPBIN_MAKE"):
            data = f" DATA={self.data.path}" if os.environ.get("DATA") else ""
            return f"make {name}{data}"
        words = name if name == "logs" else f"main {name}"
        return f"python -m launcher {words}"


def describe_ignored(names: Sequence[str]) -> list[str]:
    """A warning about settings that have no effect here; empty if there are none."""
    if not names:
        return []
    verb = "are" if len(names) > 1 else "is"
    return [
        f"WARNING: {', '.join(names)} {verb} set and not heeded: it runs on its own PostgreSQL and Valkey, keeps texts"
        " in its data folder, and has a secret of its own there. To use others, start the services one by one:"
        " docs/operating.md, With your own engines."
    ]


def describe_links(listener: Listener, environ: Mapping[str, str]) -> list[str]:
    """How links of the service begin, where it is not the address that was asked for."""
    public_url = environ.get("MAIN_PUBLIC_URL", "")
    if public_url and public_url.rstrip("/") != listener.url:
        return [f"Its links begin with {public_url}, as MAIN_PUBLIC_URL says: open it there."]
    if public_url or not listener.is_everywhere:
        return []
    example = f"{'make run MAIN_PUBLIC_URL=' if os.environ.get('SLIPBIN_MAKE') else 'MAIN_PUBLIC_URL='}https://…"
    if listener.name == listener.host:
        return [f"Its links work on this machine only, which has no other address. For a name of yours: {example}"]
    return [f"Its links begin with that, this machine's address in its network. For a name of yours: {example}"]
