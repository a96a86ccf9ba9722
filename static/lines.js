// Links to lines: a click marks one, Shift marks a range (#L3-L9), arrow keys walk along the numbers.

const lines = document.querySelector(".lines");
const numbers = Array.from(lines.querySelectorAll(".line > a"));
const status = document.getElementById("status");
let marked = [];
// The line a range with Shift starts from.
let anchor = null;

// First and last line, from 1, or null; a range may be given backwards.
function range() {
  const match = /^#L(\d{1,9})(?:-L?(\d{1,9}))?$/.exec(location.hash);
  if (!match) return null;
  const ends = [Number(match[1]), Number(match[2] ?? match[1])].sort((a, b) => a - b);
  const [first, last] = [Math.max(ends[0], 1), Math.min(ends[1], numbers.length)];
  return first <= last ? [first, last] : null;
}

function mark() {
  for (const line of marked) line.classList.remove("marked");
  const ends = range();
  marked = ends ? numbers.slice(ends[0] - 1, ends[1]).map((number) => number.parentElement) : [];
  for (const line of marked) line.classList.add("marked");
  return ends;
}

function indexOf(number) {
  return Number(number.hash.slice(2)) - 1;
}

// Thousands of numbers are one stop of the Tab key.
let stop = numbers[0];
function moveStop(number) {
  stop.tabIndex = -1;
  stop = number;
  stop.tabIndex = 0;
}

lines.addEventListener("click", (event) => {
  const number = event.target.closest(".line > a");
  if (!number || event.ctrlKey || event.metaKey || event.altKey) return;
  event.preventDefault();
  const line = indexOf(number) + 1;
  if (!event.shiftKey || anchor === null) anchor = line;
  const [first, last] = [Math.min(anchor, line), Math.max(anchor, line)];
  // Following the link would scroll the line away from under the pointer.
  history.pushState(null, "", first === last ? `#L${first}` : `#L${first}-L${last}`);
  mark();
  moveStop(number);
  status.textContent = first === last ? `Line ${first} marked` : `Lines ${first} to ${last} marked`;
});

// Shift would also stretch a selection of text.
lines.addEventListener("mousedown", (event) => {
  if (event.shiftKey && event.target.closest(".line > a")) event.preventDefault();
});

lines.addEventListener("keydown", (event) => {
  if (event.target !== stop || event.ctrlKey || event.metaKey || event.altKey) return;
  const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 20, PageUp: -20, Home: -Infinity, End: Infinity };
  if (!(event.key in steps)) return;
  event.preventDefault();
  const index = Math.min(Math.max(indexOf(stop) + steps[event.key], 0), numbers.length - 1);
  moveStop(numbers[index]);
  stop.focus();
});

for (const number of numbers) number.tabIndex = -1;
lines.classList.add("is-marking");
for (const hint of document.querySelectorAll("[data-lines-hint]")) hint.hidden = false;
addEventListener("popstate", mark);
addEventListener("hashchange", () => {
  mark();
  // The browser knows no element of a range's name: showing it is ours, here and at the start.
  marked[0]?.scrollIntoView({ block: "nearest" });
});

const ends = mark();
moveStop(numbers[ends ? ends[0] - 1 : 0]);
if (ends) {
  anchor = ends[0];
  marked[0].scrollIntoView();
}
