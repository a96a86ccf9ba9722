// What one can do with lines that were just marked: copy the link to them, or their text.

const sheet = document.getElementById("sheet");
const paper = sheet.parentElement;
// Only where the page has a link to copy does it lead to the lines: what has limited views is not asked for again.
const hasLink = document.getElementById("address") !== null;

const menu = document.createElement("div");
menu.className = "float line-menu";
menu.setAttribute("role", "group");
menu.hidden = true;
// Behind the text, where Tab leads from the number of a line; within it, it would be copied as a part of it.
sheet.after(menu);

let chosen;

function add(label, act) {
  const button = document.createElement("button");
  button.type = "button";
  button.className = "button ghost";
  button.textContent = label;
  button.addEventListener("click", () => {
    act();
    close();
  });
  menu.append(button);
  return button;
}

function copy(detail) {
  document.dispatchEvent(new CustomEvent("slipbin:copy", { detail }));
}

function close() {
  if (menu.hidden) return;
  const hadFocus = menu.contains(document.activeElement);
  menu.hidden = true;
  if (hadFocus) document.querySelector(".lines .number")?.focus({ preventScroll: true });
}

function place(line) {
  const [box, frame] = [line.getBoundingClientRect(), paper.getBoundingClientRect()];
  const left = Math.max(box.left, sheet.getBoundingClientRect().left) - frame.left + parseFloat(getComputedStyle(line).paddingLeft);
  menu.hidden = false;
  menu.style.top = `${box.bottom - frame.top + 4}px`;
  menu.style.left = `${Math.max(0, Math.min(left, frame.width - menu.offsetWidth - 8))}px`;
}

if (hasLink) add("Copy link", () => copy({ text: location.href, said: "Link copied" }));
const copyLines = add("", () => {
  const count = chosen.last - chosen.first + 1;
  copy({ elements: chosen.items, said: count === 1 ? "Line copied" : `${count.toLocaleString("en")} lines copied` });
});

document.addEventListener("slipbin:lines", (event) => {
  chosen = event.detail;
  const isOne = chosen.first === chosen.last;
  copyLines.textContent = isOne ? "Copy line" : "Copy lines";
  menu.setAttribute("aria-label", isOne ? `Line ${chosen.first}` : `Lines ${chosen.first} to ${chosen.last}`);
  place(chosen.line);
});

document.addEventListener("click", (event) => {
  if (!menu.contains(event.target) && !event.target.closest(".lines")) close();
});
sheet.addEventListener("pointerdown", (event) => { if (!menu.contains(event.target)) menu.hidden = true; });
document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });
addEventListener("popstate", close);
addEventListener("resize", close);
