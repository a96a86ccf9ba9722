"""Texts that make lexers slow cost a moment of the renderer, and then it goes on with the next."""

import asyncio
from collections import Counter

from main_service.rendering.child import Limits
from main_service.rendering.errors import NotRenderedError
from tests.support.rendered import job, read, running_renderer

BYTES = 20_000
SLOW = [
    ("make", "0."),
    ("make", "a"),
    ("make", "a "),
    ("make", "("),
    ("make", "{"),
    ("make", "["),
    ("make", "x,"),
    ("make", "-"),
    ("c", "\n"),
    ("cpp", "\n"),
    ("java", "\n"),
    ("markdown", "\n"),
    ("csharp", "a b\n"),
    ("java", "a b\n"),
    ("typescript", "a."),
    ("typescript", "a"),
    ("yaml", " "),
    ("yaml", "- "),
    ("xml", "<!--"),
    ("diff", "("),
]
"""A language and what is repeated. Most take seconds, by quadratic regular expressions."""


async def test_texts_that_make_lexers_slow_are_given_up_and_the_next_is_done() -> None:
    outcomes: Counter[bool] = Counter()
    async with running_renderer(limits=Limits(processor=0.1)) as renderer:
        for syntax, pattern in SLOW:
            text = pattern * (BYTES // len(pattern))
            asked = [asyncio.create_task(renderer.render(job(text, syntax), patience=None)) for _ in range(2)]
            done = await asyncio.gather(*asked, return_exceptions=True)
            for outcome in done:
                if isinstance(outcome, NotRenderedError):
                    assert outcome.is_lasting
                else:
                    assert not isinstance(outcome, BaseException)
                    assert read(outcome.content.decode())[0] == text
            outcomes[isinstance(done[0], NotRenderedError)] += 1
        last = await renderer.render(job("pass\n"), patience=None)

    assert last.facts == {"lines": 1, "is_coloured": True}
    assert outcomes[True] >= 8
