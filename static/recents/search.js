// The header's search of guests: it finds what this browser made, as one types, and opens any short link of this site.
// A combobox: arrow keys walk, Enter opens, Escape closes.

const store = await import(document.getElementById("recents-store").src);
const MOST = 8;

// The path of a short link of ours, or of a key; null: it is neither. Nothing leads to another site.
function pathTyped(text, publicUrl) {
  if (store.isKey(text)) return `/${text}`;
  const hosts = [location.host, new URL(publicUrl).host];
  if (!/^(https?:\/\/)?[^/\s]+\/\S+$/i.test(text)) return null;
  try {
    const url = new URL(/^https?:/i.test(text) ? text : `https://${text}`);
    const isOurs = hosts.includes(url.host) && !url.pathname.startsWith("//");
    return isOurs ? url.pathname + url.search + url.hash : null;
  } catch {
    return null;
  }
}

function matches(words, entry) {
  const text = `${entry.title ?? ""} ${entry.key}`.toLowerCase();
  return words.every((word) => text.includes(word));
}

function find(text, publicUrl) {
  const words = text.toLowerCase().split(/\s+/).filter((word) => word);
  const host = publicUrl.split("://")[1];
  const found = store.listed().filter((entry) => matches(words, entry));
  // A key that is typed whole comes first.
  found.sort((one, other) => (other.key === text) - (one.key === text));
  const options = found.slice(0, MOST).map((entry) => ({
    path: store.pathOf(entry), kind: entry.kind, title: entry.title ?? entry.key, detail: entry.title ? `${host}/${entry.key}` : "",
  }));
  const path = pathTyped(text, publicUrl);
  if (path && !found.some((entry) => entry.key === text)) options.push({ path, title: "Open", detail: host + path });
  return options;
}

for (const form of document.querySelectorAll("form.search[data-url]")) {
  const input = form.querySelector("input");
  const list = form.querySelector("[role=listbox]");
  const status = document.getElementById("status");
  let options = [];
  let active = -1;

  const mark = (place) => {
    active = place;
    for (const [number, item] of Array.from(list.children).entries()) {
      item.setAttribute("aria-selected", String(number === active));
    }
    const item = list.children[active];
    if (item) {
      input.setAttribute("aria-activedescendant", item.id);
      item.scrollIntoView({ block: "nearest" });
    } else {
      input.removeAttribute("aria-activedescendant");
    }
  };

  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    mark(-1);
  };

  const option = ({ title, detail }, number) => {
    const item = document.createElement("li");
    item.id = `${list.id}-${number}`;
    item.setAttribute("role", "option");
    const name = document.createElement("bdi");
    name.textContent = title;
    const short = document.createElement("bdi");
    short.className = "code";
    short.dir = "ltr";
    short.textContent = detail;
    item.append(name, " ", short);
    return item;
  };

  const open = () => {
    const text = input.value.trim();
    options = find(text, form.dataset.url);
    list.replaceChildren(...options.map(option));
    list.hidden = options.length === 0;
    input.setAttribute("aria-expanded", String(options.length > 0));
    // What Enter would open is marked, unless nothing has been asked yet.
    mark(text && options.length ? 0 : -1);
    if (text) status.textContent = options.length ? `${options.length} found` : "Nothing found";
  };

  const go = (place) => {
    const chosen = options[place];
    if (chosen) location.assign(chosen.path);
  };

  input.addEventListener("input", open);
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const isDown = event.key === "ArrowDown";
      const next = isDown ? active + 1 : Math.max(active, 0) - 1;
      if (list.hidden) open();
      if (options.length) mark((next + options.length) % options.length);
    } else if (event.key === "Escape" && !list.hidden) {
      // The first Escape closes this list alone: neither is the menu around it closed, nor the field emptied.
      event.preventDefault();
      event.stopPropagation();
      close();
    }
  });
  // The focus stays in the field while an option is pressed.
  list.addEventListener("mousedown", (event) => event.preventDefault());
  list.addEventListener("click", (event) => {
    const item = event.target.closest("[role=option]");
    if (item) go(Array.from(list.children).indexOf(item));
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (list.hidden) open();
    if (active >= 0) go(active);
    else if (input.value.trim()) document.dispatchEvent(new CustomEvent("slipbin:say", { detail: "Nothing found on this device" }));
  });
}
