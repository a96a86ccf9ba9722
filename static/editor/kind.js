// Text or link, in one form: which fields count, the language that a file name stands for, the offer to shorten a text
// that is one URL, and the lifetime and visibility that were chosen last.

const DEFAULTS = "slipbin.defaults";

const form = document.querySelector("form.editor");
const { text, original_url: url, title, syntax, views, burn, lifetime, visibility } = form.elements;
const offer = document.getElementById("link-offer");
const site = document.title.split(" · ").at(-1);

function isLink() {
  return form.elements.kind.value === "link";
}

// What is not shown must not be sent, nor keep the rest from being sent.
function sync() {
  text.disabled = syntax.disabled = isLink();
  url.disabled = !isLink();
  text.required = url.required = true;
  views.disabled = burn.checked;
  form.action = isLink() ? "/links" : "/pastes";
  const isError = document.title.startsWith("Error: ");
  document.title = `${isError ? "Error: " : ""}${isLink() ? "Shorten a link" : "New paste"} · ${site}`;
}

function choose(kind) {
  form.elements.kind.value = kind;
  sync();
}

form.addEventListener("change", sync);
form.addEventListener("slipbin:fields", sync);
for (const radio of form.elements.kind) {
  radio.addEventListener("click", (event) => {
    // Not of the arrow keys, which would lose the other choice.
    if (event.detail > 0) (isLink() ? url : text).focus();
  });
}

// Which languages the page knows by their files' names.
const languages = new Map();
for (const group of syntax.dataset.files.split(";")) {
  const [language, ...names] = group.split(" ");
  for (const name of names) languages.set(name, language);
}

function languageOf(name) {
  const file = name.trim().split(/[\\/]/).at(-1).toLowerCase();
  if (/\s/.test(file)) return "";
  return languages.get(file) ?? (file.includes(".") ? languages.get(`.${file.split(".").at(-1)}`) : null) ?? "";
}

// A language that was chosen stays, whatever the name.
let isChosen = syntax.value !== "" && syntax.value !== languageOf(title.value);
syntax.addEventListener("change", () => { isChosen = syntax.value !== ""; });
title.addEventListener("input", () => {
  if (!isChosen) syntax.value = languageOf(title.value);
});
form.addEventListener("slipbin:named", () => {
  isChosen = false;
  syntax.value = languageOf(title.value);
});

const URL_ALONE = /^\s*https?:\/\/[^\s]{3,8000}\s*$/i;

function aloneUrl() {
  return text.textLength < 8_192 && URL_ALONE.test(text.value) ? text.value.trim() : null;
}

text.addEventListener("input", () => { offer.hidden = aloneUrl() === null; });
offer.querySelector("button").addEventListener("click", () => {
  const target = aloneUrl();
  if (target === null) return;
  url.value = target;
  choose("link");
  form.editing.set("");
  offer.hidden = true;
  url.focus();
  url.dispatchEvent(new Event("input", { bubbles: true }));
});

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(DEFAULTS)) ?? {};
  } catch {
    return {};
  }
}

// Only where nothing else says: what came back to be mended is as it was sent, and a copy of a private paste is private.
function applyRemembered() {
  if (form.dataset.filled === "again") return;
  const chosen = remembered();
  const has = (select, value) => Array.from(select.options).some((option) => option.value === value);
  if (lifetime.value === "" && has(lifetime, chosen.lifetime)) lifetime.value = chosen.lifetime;
  if (visibility.value === "unlisted" && has(visibility, chosen.visibility)) visibility.value = chosen.visibility;
}

form.addEventListener("submit", (event) => {
  if (event.defaultPrevented) return;
  try {
    localStorage.setItem(DEFAULTS, JSON.stringify({ lifetime: lifetime.value, visibility: visibility.value }));
  } catch {
    // The choice holds for this entry.
  }
});
// Another script has emptied the form.
form.addEventListener("slipbin:emptied", applyRemembered);

applyRemembered();
sync();
offer.hidden = aloneUrl() === null;
