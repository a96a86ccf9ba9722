// Links to lines: a click marks one, Shift marks a range (#L3-L9), arrow keys walk along the numbers.
// Where there are many lines, a thousand of them are one item (li.m), which becomes lines when it comes near the window.

const lines = document.querySelector(".lines");
const sheet = lines.parentElement;
const status = document.getElementById("status");
let marked = [];
// The line a range with Shift starts from.
let anchor = null;

function numberOf(item) {
  return Number(item.id.slice(1));
}

// The item of many lines that has this one; null if there is none.
function itemOf(number) {
  const items = lines.querySelectorAll("li.m");
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numberOf(items[middle]) <= number) low = middle + 1;
    else high = middle;
  }
  return low ? items[low - 1] : null;
}

// The line of this number; null if there is none.
function lineAt(number) {
  const line = document.getElementById(`L${number}`);
  if (line && !line.classList.contains("m")) return line;
  const item = line ?? itemOf(number);
  if (!item) return null;
  divide(item);
  return document.getElementById(`L${number}`);
}

// Make lines of an item. Line feeds stand in its text alone, never within the elements beside it.
function divide(item) {
  let number = numberOf(item);
  const made = [];
  let line = null;
  const add = (part) => {
    if (!line) {
      line = document.createElement("li");
      line.id = `L${number++}`;
      if (item.classList.contains("marked")) line.classList.add("marked");
      made.push(line);
    }
    line.append(part);
  };
  for (const node of Array.from(item.childNodes)) {
    if (node.nodeType !== Node.TEXT_NODE) {
      add(node);
      continue;
    }
    const parts = node.data.split("\n");
    const last = parts.pop();
    for (const part of parts) {
      add(`${part}\n`);
      line = null;
    }
    if (last) add(last);
  }
  item.replaceWith(...made);
  if (item.classList.contains("marked")) marked.push(...made);
}

const items = lines.querySelectorAll("li.m");
if (items.length) {
  const watcher = new IntersectionObserver(
    (entries) => {
      for (const { isIntersecting, target } of entries) {
        if (!isIntersecting) continue;
        watcher.unobserve(target);
        for (const item of target.querySelectorAll("li.m")) divide(item);
      }
    },
    { rootMargin: "100%" },
  );
  for (const item of items) watcher.observe(item.closest("div"));
}

const last = (() => {
  const item = Array.from(lines.querySelectorAll("ol")).at(-1)?.lastElementChild;
  if (!item) return 0;
  if (!item.classList.contains("m")) return numberOf(item);
  const { textContent } = item;
  return numberOf(item) + textContent.split("\n").length - 1 - textContent.endsWith("\n");
})();

// First and last line, from 1, or null; a range may be given backwards.
function range() {
  const match = /^#L(\d{1,9})(?:-L?(\d{1,9}))?$/.exec(location.hash);
  if (!match) return null;
  const ends = [Number(match[1]), Number(match[2] ?? match[1])].sort((a, b) => a - b);
  const [start, end] = [Math.max(ends[0], 1), Math.min(ends[1], last)];
  return start <= end ? [start, end] : null;
}

function mark() {
  for (const line of marked) line.classList.remove("marked");
  const ends = range();
  marked = [];
  if (!ends) return null;
  lineAt(ends[1]);
  let line = lineAt(ends[0]);
  // An item within the range is marked as a whole.
  while (line && numberOf(line) <= ends[1]) {
    line.classList.add("marked");
    marked.push(line);
    line = line.nextElementSibling ?? line.closest("div").nextElementSibling?.querySelector("li");
  }
  return ends;
}

// Of thousands of numbers, one can be reached by the keyboard: this link lies over it.
const stop = document.createElement("a");
stop.className = "number";
function moveStop(line) {
  const number = numberOf(line);
  stop.href = `#L${number}`;
  stop.setAttribute("aria-label", `Line ${number}`);
  // What is put where it is already would lose the focus.
  if (line.firstChild !== stop) line.prepend(stop);
}

function choose(line, isRange) {
  const number = numberOf(line);
  if (!isRange || anchor === null) anchor = number;
  const [start, end] = [Math.min(anchor, number), Math.max(anchor, number)];
  // Following the link would scroll the line away from under the pointer.
  history.pushState(null, "", start === end ? `#L${start}` : `#L${start}-L${end}`);
  mark();
  moveStop(line);
  status.textContent = start === end ? `Line ${start} marked` : `Lines ${start} to ${end} marked`;
  const detail = { first: start, last: end, line, items: marked };
  document.dispatchEvent(new CustomEvent("slipbin:lines", { detail }));
}

// The line whose number is under the pointer.
function numbered(event) {
  const line = event.target.closest("li");
  if (!line || line.classList.contains("m")) return null;
  const left = Math.max(line.getBoundingClientRect().left, sheet.getBoundingClientRect().left);
  return event.clientX - left <= parseFloat(getComputedStyle(line, "::before").width) ? line : null;
}

lines.addEventListener("click", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const line = event.target === stop ? stop.parentElement : numbered(event);
  if (!line) return;
  event.preventDefault();
  choose(line, event.shiftKey);
});

// Shift would also stretch a selection of text.
lines.addEventListener("mousedown", (event) => {
  if (event.shiftKey && numbered(event)) event.preventDefault();
});

lines.addEventListener("keydown", (event) => {
  if (event.target !== stop || event.ctrlKey || event.metaKey || event.altKey) return;
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20, Home: -Infinity, End: Infinity };
  if (!(event.key in steps)) return;
  event.preventDefault();
  const number = numberOf(stop.parentElement) + steps[event.key];
  moveStop(lineAt(Math.min(Math.max(number, 1), last)));
  stop.focus();
});

lines.classList.add("is-marking");
addEventListener("popstate", mark);
addEventListener("hashchange", () => {
  mark();
  // The browser knows no element of a range's name: showing it is ours, here and at the start.
  marked[0]?.scrollIntoView({ block: "nearest" });
});

const ends = mark();
if (last) moveStop(lineAt(ends ? ends[0] : 1));
if (ends) {
  anchor = ends[0];
  marked[0].scrollIntoView();
}
