// Numbers of lines beside the text area. A line that may be wrapped is measured in a hidden copy of it; all others are
// one row. So typing changes nothing here but where the number of rows changes. Long texts and narrow windows have none.

const MAX_LINES = 5_000;
const MAX_CHARACTERS = 300_000;
const SAMPLE = 100;

const form = document.querySelector("form.editor");
const area = document.getElementById("text");
const isWide = matchMedia("(min-width: 48rem)");

const numbers = document.createElement("div");
numbers.className = "numbers";
numbers.setAttribute("aria-hidden", "true");
numbers.hidden = true;
const column = document.createElement("pre");
numbers.append(column);
const copy = document.createElement("div");
copy.className = "copied-lines";
copy.setAttribute("aria-hidden", "true");
area.before(numbers, copy);

let lines = [];
// How many rows of the text area each line takes.
let rows = [];
let columns = 0;

function hide() {
  numbers.hidden = true;
  area.classList.remove("has-numbers");
  lines = [];
  rows = [];
}

function element(content) {
  const made = document.createElement("div");
  made.textContent = content;
  return made;
}

// Of a text in one width of characters, so many fit into a row.
function measureColumns() {
  const sample = document.createElement("span");
  sample.textContent = "0".repeat(SAMPLE);
  copy.replaceChildren(sample);
  copy.style.width = `${area.clientWidth}px`;
  const { paddingLeft, paddingRight } = getComputedStyle(area);
  const width = area.clientWidth - parseFloat(paddingLeft) - parseFloat(paddingRight);
  columns = Math.floor((width * SAMPLE) / sample.getBoundingClientRect().width);
  copy.replaceChildren();
}

function rowsOf(some) {
  const found = some.map((line) => (line.length <= columns && /^[ -~]*$/.test(line) ? 1 : 0));
  const unsure = some.filter((_, at) => found[at] === 0).map(element);
  if (unsure.length === 0) return found;
  copy.replaceChildren(...unsure);
  const height = parseFloat(getComputedStyle(copy).lineHeight);
  const heights = unsure.map((each) => Math.max(1, Math.round(each.offsetHeight / height)));
  copy.replaceChildren();
  return found.map((count) => count || heights.shift());
}

// What is between the lines that both have at their start and at their end is measured again.
function update(isNewWidth = false) {
  if (area.offsetParent === null) return;
  if (!isWide.matches || area.textLength > MAX_CHARACTERS) return hide();
  const wanted = area.value.split("\n");
  if (wanted.length > MAX_LINES) return hide();
  if (numbers.hidden || isNewWidth) {
    numbers.hidden = false;
    area.classList.add("has-numbers");
    lines = [];
    rows = [];
    measureColumns();
  }
  let start = 0;
  while (start < lines.length && start < wanted.length && lines[start] === wanted[start]) start += 1;
  let end = 0;
  const most = Math.min(lines.length, wanted.length) - start;
  while (end < most && lines[lines.length - 1 - end] === wanted[wanted.length - 1 - end]) end += 1;
  const found = rowsOf(wanted.slice(start, wanted.length - end));
  const next = rows.slice(0, start).concat(found, rows.slice(rows.length - end));
  const isSame = next.length === rows.length && found.every((count, at) => count === rows[start + at]);
  lines = wanted;
  rows = next;
  if (!isSame) column.textContent = rows.map((count, at) => `${at + 1}${"\n".repeat(count)}`).join("");
  numbers.style.top = `${area.offsetTop}px`;
  numbers.style.height = `${area.clientHeight}px`;
  follow();
}

function follow() {
  column.style.transform = `translateY(${-area.scrollTop}px)`;
}

// How many rows are before a line; where lines are not numbered, as if none was wrapped.
form.editing.rowsBefore = (line) => {
  update();
  return rows.slice(0, line - 1).reduce((sum, count) => sum + count, 0) || line - 1;
};

let frame = null;
area.addEventListener("input", () => {
  frame ??= requestAnimationFrame(() => {
    frame = null;
    update();
  });
});
area.addEventListener("scroll", follow, { passive: true });
// Also where a scroll bar comes or goes, or the text area is shown again.
let width = 0;
new ResizeObserver(() => {
  const isNewWidth = area.clientWidth !== width;
  width = area.clientWidth;
  update(isNewWidth);
}).observe(area);
