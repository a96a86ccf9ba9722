// Sending a form: Ctrl+Enter, never twice, and an answer with errors starts at the errors.

for (const hint of document.querySelectorAll("[data-script]")) hint.hidden = false;

// Browsers that know autofocus on any element have done it by now.
document.querySelector(".summary")?.focus();

for (const form of document.querySelectorAll("form[data-submit]")) {
  const button = form.querySelector("button[type=submit]");
  const label = Array.from(button.childNodes);

  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    if (!event.repeat) form.requestSubmit(button);
  });

  form.addEventListener("submit", (event) => {
    // Another script asks something first.
    if (event.defaultPrevented) return;
    if (button.getAttribute("aria-disabled") === "true") {
      event.preventDefault();
      return;
    }
    button.setAttribute("aria-disabled", "true");
    button.textContent = button.dataset.busy;
  });

  // What is in a menu that is folded up can't be shown to be wrong.
  form.addEventListener("invalid", (event) => {
    const menu = event.target.closest("details");
    if (menu) menu.open = true;
  }, { capture: true });

  // Going back shows the page as it was left: it must be usable again.
  addEventListener("pageshow", () => {
    button.removeAttribute("aria-disabled");
    button.replaceChildren(...label);
  });
}
