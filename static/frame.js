// What every page has around its content: the switch of colours, menus that close, short messages.

const root = document.documentElement;
const button = document.querySelector(".theme");
const themes = ["system", "light", "dark"];
const names = { system: "as the system", light: "light", dark: "dark" };

function chosen() {
  return root.dataset.theme ?? "system";
}

// The bar of the browser around the page follows, too.
function paint(theme) {
  if (theme === "system") delete root.dataset.theme;
  else root.dataset.theme = theme;
  for (const meta of document.querySelectorAll("meta[name=theme-color]")) {
    meta.dataset.own ??= meta.content;
    const wanted = theme === "system" ? meta : document.querySelector(`meta[name=theme-color][media*=${theme}]`);
    meta.content = wanted.dataset.own ?? wanted.content;
  }
  button?.setAttribute("aria-label", `Colours: ${names[theme]}`);
  document.dispatchEvent(new Event("slipbin:theme"));
}

function remember(theme) {
  try {
    if (theme === "system") localStorage.removeItem("slipbin-theme");
    else localStorage.setItem("slipbin-theme", theme);
  } catch {
    // The choice holds for this page.
  }
}

paint(chosen());
button?.addEventListener("click", () => {
  const theme = themes[(themes.indexOf(chosen()) + 1) % themes.length];
  remember(theme);
  paint(theme);
  say(`Colours: ${names[theme]}`);
});

// Other tabs follow.
addEventListener("storage", (event) => {
  if (event.key === "slipbin-theme") paint(themes.includes(event.newValue) ? event.newValue : "system");
});

const toast = document.querySelector(".toast");
let timer;

function say(text) {
  clearTimeout(timer);
  toast.textContent = text;
  timer = setTimeout(() => { toast.textContent = ""; }, 3_000);
}

document.addEventListener("slipbin:say", (event) => say(event.detail));

// A menu closes when something else is done, and Escape gives the focus back.
document.addEventListener("click", (event) => {
  for (const menu of document.querySelectorAll(".drop[open]")) {
    if (!menu.contains(event.target)) menu.open = false;
  }
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape") return;
  for (const menu of document.querySelectorAll(".drop[open]")) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});
