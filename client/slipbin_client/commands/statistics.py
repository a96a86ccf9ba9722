"""The command that shows statistics: stats."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.text import Text

from slipbin_client import charts, times
from slipbin_client.commands.options import AsJson, Context, ManageToken
from slipbin_client.entry_names import read_name
from slipbin_client.errors import ClientError, ExitCode
from slipbin_client.key_completion import complete_key
from slipbin_client.output import Output
from slipbin_client.safe_text import safe_line
from slipbin_client.session import open_session

_WIDEST = 100
_LISTED = 5
_LISTED_MONTHS = 12
_LISTS = {"referrers": "From", "countries": "Countries", "browsers": "Browsers", "systems": "Systems"}


class Step(StrEnum):
    HOUR = "hour"
    DAY = "day"
    MONTH = "month"


def stats(
    context: Context,
    key: Annotated[
        str | None,
        typer.Argument(
            metavar="KEY", help="Its key, or a link to it. Default: all of mine.", autocompletion=complete_key
        ),
    ] = None,
    by: Annotated[Step, typer.Option("--by", help="What a column of the chart is.")] = Step.DAY,
    first: Annotated[
        str | None, typer.Option("--from", metavar="DAY", help="The first day, such as 2030-01-31. Default: --by's.")
    ] = None,
    last: Annotated[str | None, typer.Option("--to", metavar="DAY", help="The last day. Default: today.")] = None,
    manage_token: ManageToken = None,
    as_json: AsJson = False,
) -> None:
    """Show the visits to an entry as a chart; without a key, the totals of all my entries.

    In a pipe, a line is: start, visits by people, visits by crawlers, between tabs. With --json: the figures and the
    history.
    """
    days = {name: day for name, day in (("from", first), ("to", last)) if day is not None}
    if key is None:
        if days:
            raise ClientError("--from and --to are for one entry.", ExitCode.USAGE)
        with open_session(context) as session:
            _tell_totals(session.output, session.service.own_statistics(), as_json=as_json)
        return
    name = read_name(key)
    with open_session(context, name) as session:
        headers = session.manage_headers(name.key, manage_token)
        history = session.service.history(name.key, headers, {"by": by.value, **days})
        output = session.output
        if not as_json and not output.is_terminal:
            for item in history["items"]:
                output.line(item["start"], str(item["visit_count"]), str(item["bot_count"]))
            return
        figures = session.service.statistics(name.key, headers, days)
        if as_json:
            output.json({**figures, "history": history})
            return
        for line in _lines(output, figures, history):
            output.show(line)


def _tell_totals(output: Output, totals: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        output.json(totals)
        return
    for label, name in (
        ("entries", "entries"),
        ("live", "live_entries"),
        ("visits", "visit_count"),
        ("crawlers", "bot_count"),
        ("last visit", "last_visit_at"),
    ):
        value = totals[name]
        shown = "" if value is None else str(value)
        output.line(*([f"{label:<10}  {shown or '–'}"] if output.is_terminal else [label, shown]))


def _lines(output: Output, figures: dict[str, Any], history: dict[str, Any]) -> Iterator[Text]:
    width = min(output.width, _WIDEST)
    last_visit_at = figures["last_visit_at"]
    last_visit = "never" if last_visit_at is None else f"{times.ago(last_visit_at)} ago"
    yield Text.assemble(
        (safe_line(figures["key"]), "bold"),
        f"  {figures['visit_count']} visits by {figures['unique_visitors']} visitors,"
        f" {figures['bot_count']} by crawlers, the last {last_visit}",
    )
    if figures["original_url"]:
        yield Text(f"→ {safe_line(figures['original_url'])}", style="dim", overflow="ellipsis", no_wrap=True)
    yield Text("")
    yield from _chart(output, history, width)
    for name, label in _LISTS.items():
        if figures[name]:
            yield Text("")
            yield Text(label, style="dim")
            yield from _bars(output, figures[name][:_LISTED], width)
    if figures.get("before_import"):
        yield Text("")
        yield from _before_import(output, figures["before_import"], width)


def _before_import(output: Output, before: dict[str, Any], width: int) -> Iterator[Text]:
    """What was counted elsewhere, before the entry was imported."""
    line = f"Before the import  {before['visit_count']} visits, {before['bot_count']} by crawlers"
    if before["first_day"]:
        line += f", {before['first_day']} to {before['last_day']}"
    yield Text(safe_line(line), style="dim")
    months = [{"value": each["month"][:7], "visits": each["visit_count"]} for each in before["months"]]
    if any(each["visits"] for each in months[-_LISTED_MONTHS:]):
        yield from _bars(output, months[-_LISTED_MONTHS:], width)


def _chart(output: Output, history: dict[str, Any], width: int) -> Iterator[Text]:
    items = history["items"]
    values = [item["visit_count"] for item in items]
    if not any(values):
        yield Text(f"No visits by people from {history['from']} to {history['to']}.")
        return
    lines = charts.columns(values, width=width, has_blocks=output.has_blocks)
    for line in lines[:-1]:
        yield Text(line, style="cyan", no_wrap=True)
    yield Text(lines[-1], style="dim", no_wrap=True)
    starts = [safe_line(items[place]["start"])[: 16 if history["by"] == "hour" else 10] for place in (0, -1)]
    indent = len(lines[-1]) - len(lines[-1].lstrip("0123456789 ")) + 1
    room = max(len(lines[-1]) - indent - len(starts[0]), len(starts[1]) + 1)
    dates = f"{' ' * indent}{starts[0]}" + (f"{starts[1]:>{room}}" if len(items) > 1 else "")
    yield Text(dates.replace("T", " "), style="dim", no_wrap=True)


def _bars(output: Output, values: list[dict[str, Any]], width: int) -> Iterator[Text]:
    largest = max(each["visits"] for each in values)
    number_width = len(str(largest))
    name_width = min(max(len(safe_line(each["value"])) for each in values), width // 2)
    bar_width = width - name_width - number_width - 6
    for each in values:
        label = Text(safe_line(each["value"]))
        label.truncate(name_width, overflow="ellipsis", pad=True)
        bar = charts.bar(each["visits"], largest, width=bar_width, has_blocks=output.has_blocks)
        yield Text.assemble("  ", label, f"  {each['visits']:>{number_width}} ", (bar, "cyan"))
