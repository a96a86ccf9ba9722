// A button that lets long lines wrap or scroll; the choice stays with the browser.

const button = document.querySelector("button[data-wrap]");
const sheet = document.getElementById(button.dataset.wrap);
const name = "slipbin-wrap";

function show(isWrapped) {
  sheet.classList.toggle("unwrapped", !isWrapped);
  button.setAttribute("aria-pressed", String(isWrapped));
}

// A browser that keeps nothing for us throws on the mere mention of its storage.
function remembered() {
  try {
    return localStorage.getItem(name) !== "no";
  } catch {
    return true;
  }
}

function remember(isWrapped) {
  try {
    localStorage.setItem(name, isWrapped ? "yes" : "no");
  } catch {
    // The choice holds for this page.
  }
}

// What the page has left unwrapped is too long to be wrapped unasked.
show(!sheet.classList.contains("unwrapped") && remembered());
button.hidden = false;
button.addEventListener("click", () => {
  const isWrapped = button.getAttribute("aria-pressed") !== "true";
  show(isWrapped);
  remember(isWrapped);
});
