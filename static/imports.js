// While an import is running, polls its progress and updates what has changed.

const EVERY_MS = 3_000;

async function fetchPage() {
  try {
    const answer = await fetch(location.pathname, { headers: { Accept: "text/html" } });
    return new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    return null;
  }
}

function update(page) {
  for (const shown of document.querySelectorAll("[data-progress]")) {
    const found = page.getElementById(shown.id);
    // Don't replace a button that the user is about to press.
    if (!found || found.dataset.progress === shown.dataset.progress || shown.contains(document.activeElement)) continue;
    shown.replaceWith(found);
    if (found.dataset.says) document.querySelector("#status").textContent = found.dataset.says;
  }
  document.dispatchEvent(new Event("slipbin:times"));
}

async function look() {
  if (!document.querySelector("[data-unfinished]")) return;
  const page = document.hidden ? null : await fetchPage();
  if (page) update(page);
  setTimeout(look, EVERY_MS);
}

setTimeout(look, EVERY_MS);
