// "Recent on this device": the entries that this browser made without an account, below the editor.

const store = await import(document.getElementById("recents-store").src);
const section = document.getElementById("recent");
const template = section.querySelector("template").content;
const rows = section.querySelector(".recent-rows");
const older = section.querySelector(".recent-older");
const dialog = section.querySelector("dialog");
const all = section.querySelector(".recent-all");
// So many rows leave the rest of the page where it is; one more takes no more room than the button.
const FIRST = 8;
let isWhole = false;
const host = section.dataset.url.split("://")[1];

function say(text) {
  document.dispatchEvent(new CustomEvent("slipbin:say", { detail: text }));
}

function nameOf(entry) {
  return entry.title ?? entry.key;
}

function fill(places, text) {
  for (const place of places) place.textContent = text;
}

// The host takes the room that a phone does not have.
function showLink(place, key) {
  const before = document.createElement("span");
  before.className = "recent-host";
  before.textContent = `${host}/`;
  place.append(before, key);
}

function makeRow(entry) {
  const row = template.firstElementChild.cloneNode(true);
  const find = (part) => row.querySelectorAll(`[data-part="${part}"]`);
  row.dataset.key = entry.key;
  row.dataset.kind = entry.kind;
  const [open] = find("open");
  open.href = store.pathOf(entry);
  fill(find("title"), entry.title ?? "");
  showLink(find(entry.title ? "short" : "title")[0], entry.key);
  fill(find("name"), ` ${nameOf(entry)}`);
  const [time] = find("ends");
  if (entry.ends) time.dateTime = entry.ends;
  else time.closest(".ends").textContent = "Never expires";
  for (const edit of find("edit")) edit.href = `/${entry.key}/edit`;
  for (const statistics of find("stats")) statistics.href = `/${entry.key}/stats`;
  for (const manage of find("manage")) manage.href = `/${entry.key}/manage`;
  for (const button of find("copy")) {
    button.addEventListener("click", () => {
      const detail = { text: `${section.dataset.url}/${entry.key}`, said: "Link copied" };
      document.dispatchEvent(new CustomEvent("slipbin:copy", { detail }));
    });
  }
  for (const button of find("forget")) button.addEventListener("click", () => ask(entry));
  return row;
}

let shown = "";

function show() {
  const listed = store.listed();
  const leaving = store.leaving();
  const asked = JSON.stringify([listed, leaving]);
  // Nothing moves under a pointer or a focus for the sake of the same rows.
  if (asked === shown) return;
  shown = asked;
  const place = focusedRow();
  rows.replaceChildren(...listed.map(makeRow));
  fold();
  older.querySelector("ul").replaceChildren(...leaving.map(makeRow));
  older.hidden = leaving.length === 0;
  section.hidden = listed.length + leaving.length === 0;
  document.dispatchEvent(new Event("slipbin:times"));
  if (place >= 0) focusRow(place);
}

function fold() {
  const isFolded = !isWhole && rows.children.length > FIRST + 1;
  Array.from(rows.children).forEach((row, place) => {
    row.hidden = isFolded && place >= FIRST;
  });
  all.hidden = !isFolded;
  all.firstElementChild.textContent = `Show all ${rows.children.length}`;
}

all.firstElementChild.addEventListener("click", () => {
  isWhole = true;
  fold();
  rows.children[FIRST].querySelector("a").focus();
});

function allRows() {
  return Array.from(section.querySelectorAll("li:not([hidden])"));
}

function focusedRow() {
  return allRows().findIndex((row) => row.contains(document.activeElement));
}

// The row that came up in its place, else the last one, else the editor.
function focusRow(place) {
  const all = allRows();
  const row = all[Math.min(place, all.length - 1)];
  const fields = Array.from(document.querySelectorAll("#text, #original_url"));
  (row?.querySelector("a") ?? fields.find((field) => field.getClientRects().length > 0))?.focus();
}

let asked = null;

function ask(entry) {
  asked = entry;
  fill(dialog.querySelectorAll("bdi"), nameOf(entry));
  dialog.querySelector("a").href = store.pathOf(entry);
  dialog.showModal();
}

dialog.querySelector("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const place = allRows().findIndex((row) => row.dataset.key === asked.key);
  dialog.close();
  try {
    await store.forget(asked.key);
    say("Forgotten");
    focusRow(place);
  } catch {
    say("That didn’t work. Try again.");
  }
});
dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
dialog.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

document.addEventListener("slipbin:recents", show);
// Going back shows the page as it was left; and some end while it is open.
addEventListener("pageshow", show);
setInterval(show, 60_000);
show();
await store.sweep();
