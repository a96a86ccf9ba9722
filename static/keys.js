// Single keys for what has data-key on this page: a field gets the focus, all else a click. Other scripts add keys by
// an event. "?" tells which there are.

const NAME = "slipbin-keys";
// The strip of an entry says of which key it is.
const PLACES = "[data-key]:not(.strip)";
const root = document.documentElement;

// By the key: its name, what it does, and whether it does it again while it is held down.
const added = new Map();

document.addEventListener("slipbin:keys", ({ detail }) => {
  for (const each of detail) added.set(each.key, each);
});

function isOn() {
  return root.dataset.keys !== "off";
}

function isShown(element) {
  return element.getClientRects().length > 0;
}

// What a field takes is typed into it; a box that is ticked takes no letters.
function isTyping(element) {
  const taking = "input:not([type=checkbox], [type=radio], [type=button], [type=submit]), textarea, select";
  return element.isContentEditable || element.matches(taking);
}

function use(key) {
  const places = Array.from(document.querySelectorAll(`${PLACES}[data-key="${CSS.escape(key)}"]`));
  // The content of the page comes before its header.
  const shown = places.filter(isShown);
  let place = shown.find((each) => each.closest("main")) ?? shown[0];
  if (!place && added.has(key)) {
    added.get(key).act();
    return true;
  }
  if (!place) {
    // In a menu that is folded up.
    place = places.find((each) => each.closest("details.drop") && isShown(each.closest("details.drop")));
    if (!place) return false;
    place.closest("details.drop").open = true;
  }
  if (place.matches("input")) {
    // What is in a folded menu has a place in some browsers, but takes no focus.
    const menu = place.closest("details");
    if (menu) menu.open = true;
    place.focus();
    place.select();
  } else {
    place.click();
  }
  return true;
}

function label(place) {
  const copy = place.cloneNode(true);
  for (const hint of copy.querySelectorAll(".key")) hint.remove();
  return place.dataset.keyName ?? place.getAttribute("aria-label") ?? copy.textContent.trim();
}

function element(name, text = "", properties = {}) {
  const made = Object.assign(document.createElement(name), properties);
  made.textContent = text;
  return made;
}

let dialog;

function showKeys() {
  dialog?.remove();
  dialog = element("dialog");
  dialog.setAttribute("aria-labelledby", "keys-heading");
  const list = element("dl", "", { className: "shortcuts" });
  const told = new Set();
  const tell = (key, name) => {
    if (told.has(key)) return;
    told.add(key);
    const shown = element("dd");
    shown.append(element("kbd", key));
    list.append(element("dt", name), shown);
  };
  for (const { key, name } of added.values()) tell(key, name);
  for (const place of document.querySelectorAll(PLACES)) {
    if (isShown(place) || place.closest("details.drop")) tell(place.dataset.key, label(place));
  }
  tell("?", "Keyboard shortcuts");
  const box = element("input", "", { type: "checkbox", checked: isOn() });
  const choice = element("label", "", { className: "choice" });
  choice.append(box, element("span", "Use these keys"));
  box.addEventListener("change", () => set(box.checked));
  const form = element("form", "", { method: "dialog", className: "actions" });
  form.append(element("button", "Close", { className: "button" }));
  dialog.append(element("h2", "Keyboard shortcuts", { id: "keys-heading" }), list, choice, form);
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
  document.body.append(dialog);
  dialog.showModal();
}

// Who speaks to the browser, or often hits a key by mistake, can do without them. "?" stays, or there is no way back.
function set(isWanted) {
  if (isWanted) delete root.dataset.keys;
  else root.dataset.keys = "off";
  announce();
  try {
    if (isWanted) localStorage.removeItem(NAME);
    else localStorage.setItem(NAME, "off");
  } catch {
    // The choice holds for this page.
  }
}

function announce() {
  for (const place of document.querySelectorAll(PLACES)) {
    if (isOn()) place.setAttribute("aria-keyshortcuts", place.dataset.key);
    else place.removeAttribute("aria-keyshortcuts");
  }
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.defaultPrevented) return;
  if (event.repeat && !added.get(event.key)?.repeats) return;
  if (event.key.length !== 1 || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  if (event.key === "?") {
    event.preventDefault();
    showKeys();
  } else if (isOn() && use(event.key)) {
    event.preventDefault();
  }
});

announce();
