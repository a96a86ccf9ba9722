// Drafts: what is typed is kept in this browser, by form_id, until it is created, discarded or a week old. Nothing is kept
// while the entry is to be private or burnt. A tab knows its form by `slipbin.form`, for each URL of the editor.

const PREFIX = "slipbin.draft.";
const FORMS = "slipbin.form";
const SENT = "slipbin.sent";
const CREATED = "slipbin.created";
const WEEK_MS = 7 * 24 * 3_600_000;
// Browsers keep about five million characters of a site.
const LONGEST = 1_000_000;
const PAUSE_MS = 400;
const ANSWER_MS = 250;
const MAX_FORMS = 20;
// The names of the error that says that no storage is left; the second is the older one of Firefox.
const FULL = ["QuotaExceededError", "NS_ERROR_DOM_QUOTA_REACHED"];

const form = document.querySelector("form.editor");
const { form_id: formId, text, burn, views, visibility } = form.elements;
const fields = ["title", "syntax", "original_url", "lifetime", "visibility", "views", "alias"];
const { passes_query: passesQuery } = form.elements;
const discard = document.getElementById("discard");
const offer = document.getElementById("draft-offer");
const { editing } = form;
const place = new URLSearchParams(location.search).has("kind") && !form.dataset.filled ? "/" : `/${location.search}`;

function attempt(action, otherwise = null) {
  try {
    return action();
  } catch {
    // No storage, or none left.
    return otherwise;
  }
}

// The forms of this tab, by the URL of the editor.
function forms() {
  return attempt(() => JSON.parse(sessionStorage.getItem(FORMS)), {}) ?? {};
}

function rememberForm(id) {
  const others = Object.entries(forms()).filter(([each]) => each !== place).slice(1 - MAX_FORMS);
  if (id !== null) others.push([place, id]);
  attempt(() => sessionStorage.setItem(FORMS, JSON.stringify(Object.fromEntries(others))));
}

function read(id) {
  const draft = attempt(() => JSON.parse(localStorage.getItem(PREFIX + id)));
  return draft && Date.now() - draft.saved < WEEK_MS ? draft : null;
}

function remove(id) {
  attempt(() => localStorage.removeItem(PREFIX + id));
}

function storedIds() {
  const keys = attempt(() => Object.keys(localStorage), []);
  return keys.filter((key) => key.startsWith(PREFIX)).map((key) => key.slice(PREFIX.length));
}

function content() {
  const draft = { saved: Date.now(), kind: form.elements.kind.value, text: editing.text() };
  for (const name of fields) draft[name] = form.elements[name].value;
  draft.passes_query = passesQuery.checked;
  return draft;
}

// A lifetime alone is no draft.
function hasContent() {
  return text.textLength > 0 || ["title", "original_url", "alias"].some((name) => form.elements[name].value !== "");
}

function isSecret() {
  return burn.checked || views.value.trim() === "1" || visibility.value === "private";
}

// What the page came with is no draft until something is typed.
let isTouched = form.dataset.filled === "again";
let timer;

// Keep a draft, and return what the bar says of it.
function store(id, draft) {
  try {
    localStorage.setItem(PREFIX + id, draft);
  } catch (error) {
    if (FULL.includes(error.name)) return "Draft not saved: no room";
    if (error.name === "SecurityError") return "Draft not saved: storage is blocked";
    // A mistake of ours, which must not look like one of the browser's.
    reportError(error);
    return "Draft not saved";
  }
  rememberForm(id);
  return "Draft saved";
}

function save() {
  clearTimeout(timer);
  discard.hidden = !hasContent();
  if (isSecret()) {
    remove(formId.value);
    editing.showDraft(hasContent() ? "Not kept as a draft" : "");
  } else if (!hasContent()) {
    remove(formId.value);
    editing.showDraft("");
  } else if (!isTouched) {
    editing.showDraft("");
  } else if (editing.text().length > LONGEST) {
    editing.showDraft("Draft not saved: too long");
  } else {
    editing.showDraft(store(formId.value, JSON.stringify(content())));
  }
}

function touch() {
  isTouched = true;
  discard.hidden = !hasContent();
  clearTimeout(timer);
  timer = setTimeout(save, PAUSE_MS);
}

function show(draft) {
  for (const name of fields) {
    const field = form.elements[name];
    const isOffered = field.localName !== "select" || Array.from(field.options).some((each) => each.value === draft[name]);
    if (isOffered) field.value = draft[name] ?? "";
  }
  // A text is not hidden behind a link that is still empty.
  form.elements.kind.value = draft.kind === "link" && draft.text && !draft.original_url ? "paste" : draft.kind;
  burn.checked = false;
  passesQuery.checked = draft.passes_query ?? false;
  form.dispatchEvent(new Event("slipbin:fields"));
  editing.set(draft.text);
  // One goes on where one stopped.
  text.setSelectionRange(text.textLength, text.textLength);
  isTouched = true;
}

function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

function empty() {
  for (const name of fields) {
    const field = form.elements[name];
    if (field.localName === "select") field.selectedIndex = Math.max(0, Array.from(field.options).findIndex((each) => each.value === (name === "visibility" ? "unlisted" : "")));
    else field.value = "";
  }
  burn.checked = false;
  formId.value = newId();
  form.dispatchEvent(new Event("slipbin:emptied"));
  form.dispatchEvent(new Event("slipbin:fields"));
  isTouched = false;
  save();
}

form.addEventListener("input", touch);
form.addEventListener("change", (event) => {
  touch();
  // What has become secret must not stay stored for a moment.
  if ([burn, views, visibility].includes(event.target)) save();
});
document.addEventListener("visibilitychange", () => { if (isTouched) save(); });
addEventListener("pagehide", () => { if (isTouched) save(); });

discard.addEventListener("click", () => {
  remove(formId.value);
  rememberForm(null);
  editing.replaceAll({ text: "", title: "", syntax: "" }, "Discarded.");
  empty();
  (form.elements.kind.value === "link" ? form.elements.original_url : text).focus();
});

// Whether it was created, the page after it finds out: see created.js.
form.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  if (isTouched) save();
  attempt(() => sessionStorage.setItem(SENT, JSON.stringify({ id: formId.value, place })));
});

// Another tab that shows the same form, as one that was duplicated does, keeps it: this one goes on with a form of its own.
const channel = attempt(() => new BroadcastChannel("slipbin.drafts"));
const me = newId();
const taken = new Set();
channel?.addEventListener("message", ({ data }) => {
  if (data.from === me) return;
  if (data.ask) {
    channel.postMessage({ from: me, has: formId.value });
  } else if (data.has) {
    taken.add(data.has);
    if (data.has === formId.value) {
      formId.value = newId();
      if (isTouched) save();
    }
  }
});

// A draft of a tab that is no more, after a crash or a closed window.
function offerLost() {
  form.dataset.asked = "";
  const lost = storedIds()
    .filter((id) => id !== formId.value && !taken.has(id) && !Object.values(forms()).includes(id))
    .map((id) => ({ id, draft: read(id) }))
    .filter(({ draft }) => draft)
    .sort((one, other) => other.draft.saved - one.draft.saved)[0];
  if (!lost || (isTouched && hasContent())) return;
  const { draft, id } = lost;
  const what = draft.title || (draft.kind === "link" ? draft.original_url : draft.text.trim().split("\n")[0]);
  const name = what.length > 60 ? `${what.slice(0, 60)}…` : what;
  offer.querySelector("span").textContent = `You have an unfinished draft: ${name || "untitled"}`;
  offer.hidden = false;
  offer.querySelector("[data-restore]").onclick = () => {
    offer.hidden = true;
    show(draft);
    remove(id);
    save();
    (draft.kind === "link" ? form.elements.original_url : text).focus();
  };
  offer.querySelector("[data-forget]").onclick = () => {
    offer.hidden = true;
    remove(id);
    text.focus();
  };
}

// What was refused was sent without what had been typed for the other kind.
function takeUnsent() {
  const draft = read(formId.value);
  if (!draft) return;
  const url = form.elements.original_url;
  if (form.elements.kind.value === "paste") url.value ||= draft.original_url;
  else if (editing.text() === "") editing.set(draft.text);
}

function start() {
  attempt(() => sessionStorage.removeItem(SENT));
  for (const id of storedIds()) if (!read(id)) remove(id);
  const [navigation] = performance.getEntriesByType("navigation");
  const asked = new URLSearchParams(location.search).get("kind");
  const isNew = (navigation?.type ?? "navigate") === "navigate";
  const mine = forms()[place];
  const draft = mine ? read(mine) : null;
  // A prefill that is asked for is shown; the draft stays where it is.
  if (draft && form.dataset.filled !== "again" && (form.dataset.filled === "" || !isNew)) {
    formId.value = mine;
    show(draft);
    if (asked && isNew) {
      form.elements.kind.value = asked === "link" ? "link" : "paste";
      form.dispatchEvent(new Event("slipbin:fields"));
    }
    if (form.elements.kind.value === "link") form.elements.original_url.focus();
  }
  if (form.dataset.filled === "again") takeUnsent();
  save();
  channel?.postMessage({ from: me, ask: true });
  setTimeout(offerLost, channel ? ANSWER_MS : 0);
}

// Going back to a page that the browser has kept as it was: what was created from it is no draft any more.
addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  attempt(() => sessionStorage.removeItem(SENT));
  const created = attempt(() => JSON.parse(sessionStorage.getItem(CREATED))) ?? [];
  if (!created.includes(formId.value)) return;
  // Becoming visible again, the page has just kept it once more.
  remove(formId.value);
  editing.set("");
  empty();
});

start();
