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
        "python-requests/2.32.3",
        "python-httpx/0.28.1",
        "Go-http-client/2.0",
        "okhttp/4.12.0",
        "PycURL/7.45.3 libcurl/8.5.0",
        "axios/1.7.2",
        "UptimeRobot/2.0",
        "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)",
        "Pingdom.com_bot_version_1.4_(http://www.pingdom.com/)",
        "Rocket.Chat/6.5.0",
        "Discourse Forum Onebox v3.2.0",
        "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.17425; Pro)",
        "Mozilla/4.0 (compatible; ms-office; MSOffice 16)",
        "Mozilla/4.0 (compatible; MSIE 7.0; Windows NT 10.0; Win64; x64; Trident/7.0; ms-office)",
        "WordPress/6.5; https://blog.example",
        "curl/7.54.0 (compatible; ExampleBot/1.0; +https://example.org/bot)",
        "",
    ],
)
def test_bots_are(user_agent: str) -> None:
    agent = read_agent(user_agent)

    assert (agent.is_bot, agent.device_type) == (True, "bot")


@pytest.mark.parametrize(
    ("user_agent", "program", "os"),
    [
        ("curl/8.5.0", "curl", None),
        (
            "curl/7.29.0 (x86_64-redhat-linux-gnu) libcurl/7.29.0 NSS/3.53.1 zlib/1.2.7 libidn/1.28 libssh2/1.8.0",
            *("curl", "Red Hat"),
        ),
        ("Wget/1.21.3", "Wget", None),
        ("Wget/1.12 (linux-gnu)", "Wget", "Linux"),
        ("Wget2/2.1.0", "Wget", None),
        ("HTTPie/3.2.2", "HTTPie", None),
        ("xh/0.22.0", "xh", None),
        ("aria2/1.37.0", "aria2", None),
        ("slipbin/0.1.0", "slipbin", None),
        ("Mozilla/5.0 (Windows NT; Windows NT 10.0; en-US) WindowsPowerShell/5.1.22621.4249", "PowerShell", "Windows"),
        (
            "Mozilla/5.0 (Windows NT 10.0; Microsoft Windows 10.0.22631; en-US) PowerShell/7.5.0-preview.3",
            *("PowerShell", "Windows"),
        ),
        ("Mozilla/5.0 (Linux; Ubuntu 22.04.4 LTS; en-US) PowerShell/7.4.2", "PowerShell", "Ubuntu"),
        ("Mozilla/5.0 (Linux; Debian GNU/Linux 12 (bookworm); de-DE) PowerShell/7.4.6", "PowerShell", "Debian"),
        ("w3m/0.5.3+git20230121", "w3m", None),
        ("Lynx/2.9.0dev.12 libwww-FM/2.14 SSL-MM/1.4.1 GNUTLS/3.7.8", "Lynx", None),
        ("ELinks/0.16.1.1 (textmode; Linux 6.1.0 x86_64; 80x24-2)", "ELinks", "Linux"),
        ("Links (2.28; Linux 6.1.0 x86_64; GNU C 12.2; text)", "Links", "Linux"),
    ],
)
def test_people_at_a_terminal_are_people(user_agent: str, program: str, os: str | None) -> None:
    agent = read_agent(user_agent)

    assert (agent.is_bot, agent.device_type, agent.browser, agent.os) == (False, "terminal", program, os)


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
    ("original_url", "target"),
    [
        ("https://example.org/x", Target("example.org", None, "org", "example.org")),
        ("https://www.example.org", Target("example.org", "www", "org", "example.org")),
        ("https://a.b.example.co.uk:81/", Target("example.co.uk", "a.b", "co.uk", "example.co.uk")),
        ("HTTPS://Blog.Example.COM/", Target("example.com", "blog", "com", "example.com")),
        # Registered with GitHub, which is registered with a registry.
        ("https://a.someone.github.io/", Target("someone.github.io", "a", "io", "github.io")),
        ("https://co.uk/", Target("co.uk", None, "co.uk", None)),
        ("http://192.0.2.7/", Target("192.0.2.7", None, None, None)),
        ("http://[2001:db8::1]/", Target("[2001:db8::1]", None, None, None)),
        ("http://printer/", Target("printer", None, None, None)),
        ("http://printer.internal/", Target("printer.internal", None, None, None)),
        ("https://bücher.example/", Target("xn--bcher-kva.example", None, None, None)),
        ("https://bücher.de/", Target("xn--bcher-kva.de", None, "de", "xn--bcher-kva.de")),
    ],
)
def test_domains_of_a_target(original_url: str, target: Target) -> None:
    assert read_target(original_url) == target


@pytest.mark.parametrize(
    ("sent", "language"),
    [
        ("en-GB", "en"), ("DE", "de"), ("pt_BR", "pt"), ("fil", "fil"), ("zh-Hant-TW", "zh"), (" fr", "fr"),
        ("*", None), ("", None), ("english", None), ("x", None), ("other", None), ("d3", None), ("ñu", None),
    ],
)  # fmt: skip
def test_primary_language(sent: str, language: str | None) -> None:
    assert read_language(sent) == language
