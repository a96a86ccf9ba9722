"""Whatever a text holds, its views run nothing, ask for nothing elsewhere and break no policy. (The guard looks.)"""

from tests.browser.visitor import Visitor
from tests.support.entries import create_paste
from tests.support.hostile_markup import HOSTILE, titles
from tests.support.previews import page_with_preview
from tests.support.web import WebServer

_FOREIGN = """() => {
  const troubles = window.ran === undefined ? [] : ["a script ran"];
  const html = "http://www.w3.org/1999/xhtml";
  const foreign = `iframe, object, embed, video, audio, picture, img, base, style, script, link, meta, form, input,
    button, textarea, select, template, dialog, marquee, noscript, title`;
  const schemes = ["http:", "https:", "mailto:"];
  for (const element of document.querySelectorAll("#sheet *")) {
    if (element.matches(foreign) || element.namespaceURI !== html) troubles.push(element.outerHTML);
    for (const { name, value } of element.attributes) {
      const isForeign = name === "href" && !schemes.includes(new URL(value, location.href).protocol);
      if (name.startsWith("on") || ["style", "src"].includes(name) || isForeign) troubles.push(element.outerHTML);
    }
  }
  const ids = Array.from(document.querySelectorAll("[id]"), ({ id }) => id);
  return troubles.concat(ids.filter((id, at) => ids.indexOf(id) !== at).map((id) => `two elements are ${id}`));
}"""


def test_nothing_runs_in_any_view(visitor: Visitor, site: WebServer) -> None:
    all_titles = list(titles())
    for at, (syntax, text) in enumerate(HOSTILE):
        title = all_titles[at % len(all_titles)]
        key = create_paste(site.client, text=text, title=title, syntax=syntax)["key"]

        has_preview = 'preview" aria-current="page"' in page_with_preview(site.client, key)
        visitor.open(f"/{key}?view=preview")

        assert visitor.page.title() == f"{title} · Slipbin"
        # HTML has none, nor has text without colours; and what is not valid JSON is shown as code.
        assert has_preview or syntax in {"html", "json"}
        assert visitor.page.evaluate(_FOREIGN) == [], (syntax, text[:80])
