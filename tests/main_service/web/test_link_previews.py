"""Which requests come from machines that look ahead of their people."""

import pytest
from starlette.datastructures import Headers

from main_service.web.negotiation import is_link_preview


@pytest.mark.parametrize(
    "agent",
    [
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        "TelegramBot (like TwitterBot)",
        "Twitterbot/1.0",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "WhatsApp/2.23.20.0",
        "LinkedInBot/1.0 (compatible; Mozilla/5.0; +http://www.linkedin.com)",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; Embedly/0.2; +http://support.embed.ly/)",
        "http.rb/5.1.1 (Mastodon/4.2.1; +https://mastodon.example/)",
    ],
)
def test_preview_fetchers_are_known_by_name(agent: str) -> None:
    assert is_link_preview(Headers({"user-agent": agent}))


@pytest.mark.parametrize(
    "agent",
    [
        "curl/8.5.0",
        "Wget/1.21.3",
        "python-httpx/0.28.1",
        "python-requests/2.32",
        "Go-http-client/2.0",
        "HTTPie/3.2.2",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36",
        "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile Safari/604.1",
        "",
    ],
)
def test_programs_and_browsers_of_people_are_not(agent: str) -> None:
    assert not is_link_preview(Headers({"user-agent": agent}))


def test_browsers_that_fetch_ahead_say_so() -> None:
    for name, value in (("Sec-Purpose", "prefetch;prerender"), ("Purpose", "prefetch"), ("X-Moz", "prefetch")):
        assert is_link_preview(Headers({"user-agent": "Mozilla/5.0", name: value}))
