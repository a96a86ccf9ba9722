"""What is read from the headers of a visitor and the target of a link."""

import pytest

from main_service.visits.enrich import Referrer, Target, read_agent, read_language, read_referrer, read_target

CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0"


@pytest.mark.parametrize(
    ("user_agent", "device_type", "browser", "os"),
    [
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {CHROME} Safari/537.36", "desktop", "Chrome", "Windows"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0", "desktop", "Firefox", "Linux"),
        (
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
            "desktop",
            "Firefox",
            "Ubuntu",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1"
            " Safari/605.1.15",
            *("desktop", "Safari", "Mac OS X"),
        ),
        (f"Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {CHROME} Safari/537.36", "desktop", "Chrome", "Chrome OS"),
        (
            "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
            " Version/18.1 Mobile/15E148 Safari/604.1",
            *("mobile", "Mobile Safari", "iOS"),
        ),
        (
            "Mozilla/5.0 (iPad; CPU OS 17_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.1"
            " Mobile/15E148 Safari/604.1",
            *("tablet", "Mobile Safari", "iOS"),
        ),
        (
            f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {CHROME} Mobile Safari/537.36",
            "mobile",
            "Chrome Mobile",
            "Android",
        ),
        (f"Mozilla/5.0 (Linux; Android 14; SM-X710) {CHROME} Safari/537.36", "tablet", "Chrome", "Android"),
        ("Mozilla/5.0 (Android 15; Tablet; rv:145.0) Gecko/145.0 Firefox/145.0", "tablet", "Firefox Mobile", "Android"),
        (f"Mozilla/5.0 (Linux; Android 12; BRAVIA 4K VH2) {CHROME} Safari/537.36", "unknown", "Chrome", "Android"),
        (
            "Mozilla/5.0 (SMART-TV; Linux; Tizen 6.0) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/2.2"
            " Chrome/63.0 TV Safari/537.36",
            *("unknown", "Samsung Internet", "Tizen"),
        ),
        (
            "Mozilla/5.0 (PlayStation; PlayStation 5/2.26) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/13.0"
            " Safari/605.1.15",
            *("unknown", "Safari", None),
        ),
    ],
)
def test_people_use(user_agent: str, device_type: str, browser: str, os: str | None) -> None:
    agent = read_agent(user_agent)

    assert (agent.is_bot, agent.device_type, agent.browser, agent.os) == (False, device_type, browser, os)


@pytest.mark.parametrize(
    "user_agent",
    [
        "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        f"Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X Build/MMB29P) {CHROME} Mobile Safari/537.36"
        " (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
        "Mozilla/5.0 (compatible; bingbot/2.0; +http://www.bing.com/bingbot.htm)",
        "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; GPTBot/1.2; +https://openai.com/gptbot)",
        "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1"
        " Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0",
        "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)",
        "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)",
        "Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)",
        "TelegramBot (like TwitterBot)",
        "Twitterbot/1.0",
        "WhatsApp/2.23.20.0",
        "LinkedInBot/1.0 (compatible; Mozilla/5.0; Apache-HttpClient +http://www.linkedin.com)",
        "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5",
        "Mastodon/4.3.0 (http.rb/5.2.0; +https://mastodon.example/)",
        "Pleroma 2.6; https://pleroma.example <admin@pleroma.example>",
        "Misskey/2024.1 (https://misskey.example)",
        "Bluesky Cardyb/1.1; +mailto:support@bsky.app",
        "Lemmy/0.19; +https://lemmy.example",
        "Embedly/0.2; snap; +http://embed.ly/",
        "Iframely/1.3.1 (+https://iframely.com/docs/about)",
        "vkShare; http://vk.com/dev/Share",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/141.0 Safari/537.36",
        "curl/8.5.0",
        "python-requests/2.32.3",
        "",
    ],
)
def test_bots_are(user_agent: str) -> None:
    agent = read_agent(user_agent)

    assert (agent.is_bot, agent.device_type) == (True, "bot")


@pytest.mark.parametrize(
    ("referrer", "domain"),
    [
        ("https://www.example.org/page?q=1#top", "example.org"),
        ("http://User:Secret@Forum.Example.CO.UK:8080/x", "example.co.uk"),
        ("https://someone.github.io/", "someone.github.io"),
        ("https://github.io/", "github.io"),
        ("http://localhost:8000/", "localhost"),
        ("http://intranet.corp/", "intranet.corp"),
        ("http://192.0.2.7/", "192.0.2.7"),
        ("http://[2001:db8::1]:80/", "[2001:db8::1]"),
        ("https://bücher.example/", "xn--bcher-kva.example"),
        ("https://EXAMPLE.org./", "example.org"),
        ("https://example.org", "example.org"),
        ("android-app://com.example.reader/", None),
        ("javascript:alert(1)", None),
        ("/a/path", None),
        ("https://", None),
        ("https://[bad", None),
        ("https://example.org:99999/", None),
        ("https://" + "a." * 200 + "example.org/", None),
        ("", None),
    ],
)
def test_registrable_domain_of_a_referrer(referrer: str, domain: str | None) -> None:
    assert read_referrer(referrer) == Referrer(referrer or None, domain)


@pytest.mark.parametrize(
    ("original_url", "first", "second"),
    [
        ("https://example.org/x", "example.org", None),
        ("https://www.example.org", "example.org", "www"),
        ("https://a.b.example.co.uk:81/", "example.co.uk", "a.b"),
        ("HTTPS://Blog.Example.ORG/", "example.org", "blog"),
        ("https://someone.github.io/", "someone.github.io", None),
        ("http://192.0.2.7/", "192.0.2.7", None),
        ("http://printer/", "printer", None),
        ("https://bücher.example/", "xn--bcher-kva.example", None),
    ],
)
def test_domains_of_a_target(original_url: str, first: str, second: str | None) -> None:
    assert read_target(original_url) == Target(first, second)


@pytest.mark.parametrize(
    ("sent", "language"),
    [
        ("en-GB", "en"), ("DE", "de"), ("pt_BR", "pt"), ("fil", "fil"), ("zh-Hant-TW", "zh"), (" fr", "fr"),
        ("*", None), ("", None), ("english", None), ("x", None), ("other", None), ("d3", None), ("ñu", None),
    ],
)  # fmt: skip
def test_primary_language(sent: str, language: str | None) -> None:
    assert read_language(sent) == language
