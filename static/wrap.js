// Buttons that let long lines wrap or scroll; the choice stays with the browser.

const buttons = document.querySelectorAll("button[data-wrap]");
const sheet = document.getElementById(buttons[0].dataset.wrap);
const name = "slipbin-wrap";

function show(isWrapped) {
  sheet.classList.toggle("unwrapped", !isWrapped);
  for (const button of buttons) button.setAttribute("aria-pressed", String(isWrapped));
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
for (const button of buttons) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const isWrapped = button.getAttribute("aria-pressed") !== "true";
    show(isWrapped);
    remember(isWrapped);
  });
}
