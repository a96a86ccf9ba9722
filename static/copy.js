// Buttons that put the text of another element on the clipboard, to the character.

// A page can't hold NUL, so an element stands for it.
function exactText(element) {
  if (element.matches("input")) return element.value;
  if (!element.querySelector(".nul")) return element.textContent;
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  const parts = [];
  while (walker.nextNode()) {
    const { data, parentElement } = walker.currentNode;
    parts.push(parentElement.className === "nul" ? "\0" : data);
  }
  return parts.join("");
}

async function copy(text) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(text);
    return;
  }
  // Plain http on any host but this machine has no clipboard API; the old command still works there.
  const onCopy = (event) => {
    event.preventDefault();
    event.clipboardData.setData("text/plain", text);
  };
  document.addEventListener("copy", onCopy, { once: true });
  const isCopied = document.execCommand("copy");
  document.removeEventListener("copy", onCopy);
  if (!isCopied) throw new Error("the browser refused to copy");
}

function select(element) {
  if (element.matches("input")) element.select();
  else getSelection().selectAllChildren(element);
}

// Of the last line of some, not its end: what is pasted into a terminal would be run at once.
function textOf(elements) {
  return elements.map(exactText).join("").replace(/\r?\n$/, "");
}

function say(text) {
  document.dispatchEvent(new CustomEvent("slipbin:say", { detail: text }));
}

for (const button of document.querySelectorAll("button[data-copy]")) {
  const source = document.getElementById(button.dataset.copy);
  // Too much of the text is not what a page can hold.
  if (source.querySelector("[data-inexact]")) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try {
      await copy(exactText(source));
      say(button.dataset.copied);
    } catch {
      select(source);
      say("The text is selected. Press Ctrl+C to copy.");
    }
  });
}

// Another script has something to copy: a text, or elements.
document.addEventListener("slipbin:copy", async ({ detail }) => {
  try {
    await copy(detail.text ?? textOf(detail.elements));
    say(detail.said);
  } catch {
    say("The browser doesn’t let this page copy.");
  }
});
