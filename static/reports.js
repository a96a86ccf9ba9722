// While a report is being built, polls its state and updates the list when it has changed.

const EVERY_MS = 3_000;

async function fetchList() {
  try {
    const answer = await fetch("/reports", { headers: { Accept: "text/html" } });
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    return page.querySelector(".reports");
  } catch {
    return null;
  }
}

async function look() {
  const shown = document.querySelector(".reports");
  if (shown.dataset.unfinished === undefined) return;
  // Don't replace a button that the user is about to press.
  if (!document.hidden && !shown.contains(document.activeElement)) {
    const list = await fetchList();
    if (list && list.dataset.states !== shown.dataset.states && !shown.contains(document.activeElement)) {
      shown.replaceWith(list);
      document.dispatchEvent(new Event("slipbin:times"));
      document.querySelector("#status").textContent = "The list of reports has been updated.";
    }
  }
  setTimeout(look, EVERY_MS);
}

setTimeout(look, EVERY_MS);
