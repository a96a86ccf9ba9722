"""Markdown as HTML: CommonMark with GitHub's tables, task lists, alerts, footnotes and bare links.

What a text asks for is bounded twice: HTML in it stays text, and what comes out passes an allow list. Nothing is ever
loaded: a picture becomes a link to it, as a page that shows pictures of other sites tells them who reads it, and one
that shows pictures of ours would count views of them.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.gfm import gfm_plugin

from main_service.rendering.highlighting import CLASSES, coloured_lines
from main_service.rendering.job import Fragment, Option
from main_service.rendering.markup import escaped

ID_PREFIX = "doc-"
"""Prefix of every id and every link to one, so that a text can't use the page's own ids."""

_MAX_IN_ID = 100
_ALERTS = ("note", "tip", "important", "warning", "caution")
_ALIGNMENTS = {"text-align:left": "left", "text-align:center": "center", "text-align:right": "right"}
_BLOCKS = frozenset({"p", "li", "h2", "h3", "h4", "h5", "h6", "td", "th", "blockquote"})
"""Blocks that may each be written from right to left."""

_CLASSES = {
    "a": {"anchor", "image", "footnote-backref"},
    "b": set(CLASSES.values()),
    "div": {"scroll", "markdown-alert", *(f"markdown-alert-{name}" for name in _ALERTS)},
    "i": {"nul"},
    "li": {"task", "footnote-item"},
    "p": {"markdown-alert-title"},
    "pre": {"code"},
    "section": {"footnotes"},
    "span": {"box", "done", "p"},
    "sup": {"footnote-ref"},
    "table": {"front-matter"},
    "td": set(_ALIGNMENTS.values()),
    "th": set(_ALIGNMENTS.values()),
}
_CLEANER = nh3.Cleaner(
    tags=_BLOCKS | set(_CLASSES) | {"br", "code", "em", "hr", "ol", "s", "strong", "tbody", "thead", "tr", "ul"},
    # If a tag is not allowed, its text stays; of these tags, not even that.
    clean_content_tags={"script", "style"},
    attributes={
        "a": {"href", "title", "aria-label", "id"},
        "div": {"aria-label"},
        "h2": {"id"},
        "h3": {"id"},
        "h4": {"id"},
        "h5": {"id"},
        "h6": {"id"},
        "li": {"id"},
        "ol": {"start"},
        "section": {"aria-label"},
        "span": {"aria-label"},
    },
    tag_attribute_values={
        **{tag: {"dir": {"auto"}} for tag in _BLOCKS},
        "div": {"role": {"region"}, "tabindex": {"0"}},
        "pre": {"dir": {"ltr"}, "tabindex": {"0"}},
        "span": {"role": {"img"}},
        "th": {"dir": {"auto"}, "scope": {"row"}},
    },
    allowed_classes=_CLASSES,
    url_schemes={"http", "https", "mailto"},
    url_relative=lambda url: f"#{ID_PREFIX}{url[1:]}" if url.startswith("#") and len(url) > 1 else None,
    id_prefix=ID_PREFIX,
    link_rel="nofollow noopener ugc",
)


def render(text: str, _: Mapping[str, Option]) -> Fragment:
    """The kind `markdown` of the renderer."""
    return Fragment(f'<div class="markdown">{_CLEANER.clean(_parser().render(text))}</div>')


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False}, renderer_cls=_Renderer).use(gfm_plugin, front_matter=True)
    parser.core.ruler.push("our_markup", _adapt)
    parser.add_render_rule("footnote_anchor_name", _footnote_name)
    parser.add_render_rule("footnote_block_open", _footnotes_start)
    return parser


class _Renderer(RendererHTML):
    """Writes HTML; each method has the name of the tokens that it writes."""

    def code_block(self, tokens: Sequence[Token], at: int, *_: object) -> str:
        return _code(tokens[at].content, "")

    def fence(self, tokens: Sequence[Token], at: int, *_: object) -> str:
        return _code(tokens[at].content, tokens[at].info)

    def front_matter(self, tokens: Sequence[Token], at: int, *_: object) -> str:
        return _front_matter(tokens[at].content)

    def heading_close(self, tokens: Sequence[Token], at: int, *_: object) -> str:
        token = tokens[at]
        label = escaped(f"Link to “{token.meta['words']}”").replace('"', "&quot;")
        return f' <a class="anchor" href="#{token.meta["id"]}" aria-label="{label}">#</a></{token.tag}>\n'

    def list_item_open(self, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[at]
        is_done = token.meta.get("checked")
        if is_done is None:
            return self.renderToken(tokens, at, options, env)
        token.attrSet("class", "task")
        # Not a form control, because it would do nothing.
        classes, label = ("box done", "Done") if is_done else ("box", "To do")
        box = f'<span class="{classes}" role="img" aria-label="{label}"></span> '
        return self.renderToken(tokens, at, options, env) + box

    def table_open(self, *_: object) -> str:
        return '<div class="scroll" role="region" aria-label="Table" tabindex="0"><table>\n'

    def table_close(self, *_: object) -> str:
        return "</table></div>\n"


def _footnote_name(_: RendererHTML, tokens: Sequence[Token], at: int, *__: object) -> str:
    # Has a dot, which ids of headings never have.
    return f".{tokens[at].meta['id'] + 1}"


def _footnotes_start(*_: object) -> str:
    return '<section class="footnotes" aria-label="Footnotes">\n<ol>\n'


def _adapt(state: StateCore) -> None:
    """Change what was read to what our pages need."""
    ids = _Ids()
    for at, token in enumerate(state.tokens):
        if token.type in {"heading_open", "heading_close"}:
            # The page's own heading is the first level.
            token.tag = f"h{min(int(token.tag[1]) + 1, 6)}"
        if token.type == "heading_open":
            words = _words(state.tokens[at + 1])
            token.attrSet("id", ids.new(words))
            token.meta["words"] = state.tokens[at + 2].meta["words"] = words
            state.tokens[at + 2].meta["id"] = token.attrs["id"]
        elif token.type in {"td_open", "th_open"}:
            alignment = _ALIGNMENTS.get(str(token.attrs.pop("style", "")))
            if alignment:
                token.attrSet("class", alignment)
        elif token.children:
            token.children = list(_without_images(token.children))
        if token.nesting == 1 and token.tag in _BLOCKS:
            token.attrSet("dir", "auto")


class _Ids:
    """Ids of headings as GitHub makes them, so that links in texts written for it work."""

    def __init__(self) -> None:
        self._times: dict[str, int] = {}

    def new(self, words: str) -> str:
        wanted = re.sub(r"[^\w\- ]", "", words.strip().lower()).replace(" ", "-")[:_MAX_IN_ID] or "section"
        name = wanted
        while name in self._times:
            name = f"{wanted}-{self._times[wanted]}"
            self._times[wanted] += 1
        self._times[name] = 1
        return name


def _words(token: Token) -> str:
    """The text of a heading without its markup."""
    if token.children is None:
        return token.content
    return "".join(map(_words, token.children))


def _without_images(tokens: Sequence[Token]) -> Iterator[Token]:
    """Images become links; within a link, where no other can be, their words."""
    links = 0
    for token in tokens:
        links += {"link_open": 1, "link_close": -1}.get(token.type, 0)
        if token.type != "image":
            yield token
            continue
        words = Token("text", "", 0, content=_words(token) or "image")
        if links:
            yield words
            continue
        attributes: dict[str, Any] = {"href": token.attrs["src"], "class": "image"}
        if "title" in token.attrs:
            attributes["title"] = token.attrs["title"]
        yield Token("link_open", "a", 1, attrs=attributes)
        yield words
        yield Token("link_close", "a", -1)


def _code(text: str, info: str) -> str:
    """Code of a fence, in the colours of the language that its first line names."""
    language = info.split(maxsplit=1)[0].lower() if info.strip() else ""
    lines = coloured_lines(text, language) if language else None
    inner = escaped(text) if lines is None else "".join([f"{line}\n" for line in lines])
    # HTML parsers drop the first line feed, which would be the text's own.
    return f'<pre class="code" dir="ltr" tabindex="0">\n<code>{inner}</code></pre>\n'


def _front_matter(text: str) -> str:
    """The facts at the beginning of a text as a table; what is more than names and values, as it was written."""
    rows: list[list[str]] = []
    for line in text.splitlines():
        if match := re.match(r"([\w][\w .-]{0,60}):(?:\s+(.*))?$", line):
            rows.append([match[1], match[2] or ""])
        elif rows and (line.startswith((" ", "\t", "- ")) or not line.strip()):
            rows[-1][1] += f"\n{line}"
        else:
            return _code(f"{text}\n", "yaml")
    body = "".join(
        f'<tr><th scope="row" dir="auto">{escaped(name)}</th><td dir="auto">{escaped(value.strip())}</td></tr>'
        for name, value in rows
    )
    return (
        '<div class="scroll" role="region" aria-label="Front matter" tabindex="0"><table class="front-matter">'
        f"<tbody>{body}</tbody></table></div>\n"
    )
