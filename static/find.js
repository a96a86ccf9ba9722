// The list follows what is typed into the search and chosen in the filters: it is fetched anew, and put in the place of
// the one that is shown. Enter sends the form, as without this script.

const WAIT_MS = 150;
const form = document.querySelector(".find");
const count = document.querySelector("#count");
let timer;
let asked = null;
let shown = form && wanted();

function wanted() {
  const query = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value.trim()) query.set(name, value);
  return `${form.getAttribute("action")}?${query}`;
}

function list() {
  return document.querySelector("#slips");
}

// What was selected stays selected, and the focus stays on its row, where they are still in the list.
function replace(page) {
  const [before, after] = [list(), page.querySelector("#slips")];
  const selected = new Set(Array.from(before.querySelectorAll("[name=keys]:checked"), (box) => box.value));
  const focused = before.contains(document.activeElement);
  const row = focused && document.activeElement.closest(".slip")?.dataset.entry;
  after.querySelector("[autofocus]")?.removeAttribute("autofocus");
  before.replaceWith(after);
  for (const box of after.querySelectorAll("[name=keys]")) box.checked = selected.has(box.value);
  if (focused) {
    const same = row && Array.from(after.querySelectorAll(".slip")).find((each) => each.dataset.entry === row);
    (same?.querySelector("a") ?? form.querySelector("#q")).focus();
  }
  return after;
}

function show(page) {
  const after = replace(page);
  document.querySelector(".chips").replaceWith(page.querySelector(".chips"));
  form.querySelector("summary").replaceChildren(...page.querySelector(".find summary").childNodes);
  document.querySelector(".notice")?.remove();
  document.title = page.title;
  history.replaceState(history.state, "", after.dataset.path);
  const said = after.querySelector(".summary li, .nothing > span") ?? page.querySelector("#count");
  count.textContent = said.textContent.trim();
  document.dispatchEvent(new Event("slipbin:times"));
  document.dispatchEvent(new Event("slipbin:list"));
}

async function find() {
  const address = wanted();
  // An answer to what was typed before must not come after this one's.
  asked?.abort();
  asked = new AbortController();
  const { signal } = asked;
  list().ariaBusy = String(address !== shown);
  if (address === shown) return;
  try {
    const answer = await fetch(address, { headers: { Accept: "text/html" }, signal });
    // One has to sign in again, and comes back to this search.
    if (answer.redirected) return location.assign(answer.url);
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (signal.aborted) return;
    show(page);
    shown = address;
  } catch {
    if (signal.aborted) return;
    list().ariaBusy = "false";
    count.textContent = "The search failed. Press Enter to try again.";
  }
}

function soon() {
  clearTimeout(timer);
  timer = setTimeout(find, WAIT_MS);
}

// Only the page that follows a deletion says so, not what it is reloaded or shared as.
if (location.search.includes("deleted=")) history.replaceState(history.state, "", list().dataset.path);

if (form) {
  form.addEventListener("input", (event) => {
    // Half a character that is still being composed isn't searched for.
    if (!event.isComposing) soon();
  });
  form.addEventListener("compositionend", soon);
  form.addEventListener("submit", () => {
    clearTimeout(timer);
    asked?.abort();
  });
}
