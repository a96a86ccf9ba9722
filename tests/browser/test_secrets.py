"""A text with what looks like a key or a token is asked about before it is sent, and only then. The samples are made up
here, in parts, so that nothing that searches for leaked secrets finds one.
"""

from playwright.sync_api import Page, expect

from tests.browser.visitor import NewVisitor, Visitor
from tests.support.accounts import PASSWORD, insert_account, new_email
from tests.support.web import WebServer


def characters(count: int, alphabet: str = "aB3dE5gH7jK9mN1pQ") -> str:
    return (alphabet * (count // len(alphabet) + 1))[:count]


def pem(kind: str) -> str:
    return f"-----{'BEGIN'} {kind}-----\n{characters(64)}\n"


DIGITS = "1234567890"
UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"

SECRETS = [
    ("a private key", pem("PRIVATE" + " KEY")),
    ("a private key", pem("RSA PRIVATE" + " KEY")),
    ("a private key", pem("OPENSSH PRIVATE" + " KEY")),
    ("a private key", pem("ENCRYPTED PRIVATE" + " KEY")),
    ("a private key", pem("PGP PRIVATE" + " KEY BLOCK")),
    ("a PuTTY private key", "PuTTY-User-Key" + "-File-3: ssh-ed25519"),
    ("an age private key", "AGE-SECRET-" + "KEY-1" + characters(58, "Q7XYZ0")),
    ("an AWS access key", "key = AK" + "IA" + characters(16, UPPER)),
    ("an AWS secret key", "aws_secret_access" + "_key = " + characters(40)),
    ("a GitHub token", "gh" + "p_" + characters(36)),
    ("a GitHub token", "github_" + "pat_" + characters(82)),
    ("a GitLab token", "gl" + "pat-" + characters(20)),
    ("a Slack token", "xo" + "xb-" + characters(12, DIGITS) + "-" + characters(24)),
    (
        "a Slack webhook",
        "https://hooks.slack"
        + ".com/services/T"
        + characters(8, UPPER)
        + "/B"
        + characters(8, UPPER)
        + "/"
        + characters(24),
    ),
    ("a Stripe secret key", "sk_" + "live_" + characters(24)),
    ("a webhook secret", "whs" + "ec_" + characters(32)),
    ("a Google API key", "AI" + "za" + characters(35)),
    ("a Google client secret", "GOC" + "SPX-" + characters(28)),
    ("a Google access token", "ya" + "29." + characters(60)),
    ("an API key", "OPENAI_API_KEY=s" + "k-" + characters(48)),
    ("an API key", "s" + "k-proj-" + characters(60)),
    ("an API key", "s" + "k-ant-api03-" + characters(60)),
    ("a Hugging Face token", "h" + "f_" + characters(34)),
    ("an npm token", "np" + "m_" + characters(36)),
    ("a PyPI token", "py" + "pi-AgE" + characters(60)),
    ("a SendGrid key", "S" + "G." + characters(22) + "." + characters(43)),
    ("a DigitalOcean token", "do" + "p_v1_" + characters(64, "0123456789abcdef")),
    ("a Docker Hub token", "dckr_" + "pat_" + characters(27)),
    ("an Azure access key", "Account" + "Key=" + characters(86) + "=="),
    ("a bot token", characters(10, DIGITS) + ":A" + "A" + characters(33)),
    ("a signed token (JWT)", "e" + "yJ" + characters(20) + ".e" + "yJ" + characters(20) + "." + characters(43)),
]

HARMLESS = [
    pem("PUBLIC KEY"),
    pem("CERTIFICATE"),
    "ssh-ed25519 " + characters(68),
    "sha256:" + characters(64, "0123456789abcdef"),
    "task-" + characters(30),
    "risk-" + characters(30),
    "AKIAHAUS",
    "sk-SK",
    "the token gh" + "p_ is followed by 36 characters",
    "eyJhbGciOiJub25lIn0",
    "aws_secret_access_key = ${SECRET}",
    "https://example.org/" + characters(200),
    "550e8400-e29b-41d4-a716-446655440000",
]

_ASK = """text => {
  const form = document.querySelector("form.editor");
  const dialog = document.getElementById("secret-warning");
  form.editing.set(text);
  form.requestSubmit();
  const told = (part) => dialog.querySelector(part).textContent;
  const asked = dialog.open ? [told("[data-kind]"), told("[data-line]")] : null;
  dialog.close("");
  return asked;
}"""


def test_what_looks_like_a_secret_is_asked_about_with_its_line(visitor: Visitor) -> None:
    visitor.open("/")
    before = "\n".join(HARMLESS) + "\n"
    line = str(before.count("\n") + 1)

    asked = [visitor.page.evaluate(_ASK, before + secret + "\nafter") for _, secret in SECRETS]

    assert asked == [[name, line] for name, _ in SECRETS]
    assert visitor.path() == "/"


def fill(page: Page, text: str) -> None:
    page.locator("#text").fill(text)
    page.get_by_role("button", name="Create paste").click()


def test_answers_burn_it_go_back_or_go_on_without_asking_again(new_visitor: NewVisitor) -> None:
    visitor = new_visitor()
    page, secret = visitor.page, SECRETS[1][1]
    dialog = page.get_by_role("dialog", name="Is this secret?")
    visitor.open("/")
    fill(page, secret)
    expect(dialog).to_contain_text("Line 1 looks like a private key")
    expect(dialog.get_by_role("button", name="Make it private")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.locator("#text")).to_be_focused()
    # What is refused comes back, and its answer counts.
    visitor.show_more()
    page.locator("#alias").fill("docs")
    page.get_by_role("button", name="Create paste").click()
    visitor.click(dialog.get_by_role("button", name="Go on"), status=422)
    page.locator("#alias").fill("")
    visitor.click("Create paste")
    assert "PRIVATE KEY" in visitor.main_text()

    visitor.open("/")
    fill(page, secret)
    visitor.click(dialog.get_by_role("button", name="Burn after reading"))
    assert "PRIVATE KEY" not in visitor.main_text()
    visitor.open("/")
    page.get_by_label("Burn after reading").check()
    page.locator("#text").fill(secret)
    visitor.click("Create paste")


def test_users_can_make_it_private(visitor: Visitor, site: WebServer) -> None:
    page, email = visitor.page, new_email()
    insert_account(site.client, email)
    visitor.open("/sign-in")
    page.get_by_label("Email or username").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    visitor.click("Sign in")
    visitor.open("/")
    page.locator("#text").fill("mine alone")
    expect(page.locator("#draft-state")).to_have_text("Draft saved")
    page.get_by_label("Visibility").select_option("private")
    expect(page.locator("#draft-state")).to_have_text("Not kept as a draft")
    assert "mine alone" not in page.evaluate("JSON.stringify(localStorage)")
    page.get_by_label("Visibility").select_option("unlisted")
    fill(page, SECRETS[0][1])

    visitor.click(page.get_by_role("button", name="Make it private"))

    assert "Private" in visitor.main_text()
    assert "PRIVATE KEY" in visitor.main_text()
