// The text area as an editor: Tab indents, Esc leaves, the size is told before it is sent, and a text that is too long
// for a text area is kept beside it. Other scripts of the page reach the text by `form.editing`.

const form = document.querySelector("form.editor");
const area = document.getElementById("text");
const status = document.getElementById("text-size");
const offer = document.getElementById("link-offer");
const undo = document.getElementById("undo");
const maxBytes = Number(area.dataset.maxBytes);
const indent = "\t";

// Browsers lay a text area out as a whole: with more, each key stroke would be felt. The server knows these limits, too.
const LONG = 1_000_000;
const MANY_LINES = 20_000;
// So much of a long text is shown.
const SHOWN = 50_000;
// So much can be put into the text area in such a way that Ctrl+Z takes it back; it takes time for each line.
const UNDOABLE = 20_000;
const UNDOABLE_LINES = 500;
// Chromium takes seconds to paste more.
const MAX_PASTED_LINES = 2_000;

// All of a text that is too long; null: it is in the text area.
let long = null;
// Tab only indents after a first click or key stroke, so that keyboard users can tab past the editor.
let isWriting = false;

function words(bytes) {
  if (bytes < 1024) return `${bytes} B`;
  const units = ["KiB", "MiB", "GiB"];
  let value = bytes / 1024;
  while (value >= 1024 && units.length > 1) {
    value /= 1024;
    units.shift();
  }
  return `${value.toFixed(1)} ${units[0]}`;
}

const draftPart = document.createElement("span");
draftPart.id = "draft-state";
const sizePart = document.createElement("span");
sizePart.id = "size";
sizePart.className = "for-paste";
status.replaceChildren(draftPart, " ", sizePart);

function text() {
  return long ?? area.value;
}

function hasMoreLines(value, most) {
  let at = -1;
  for (let count = 0; count <= most; count += 1) {
    at = value.indexOf("\n", at + 1);
    if (at < 0) return false;
  }
  return true;
}

function isTooLong(value) {
  return value.length > LONG || hasMoreLines(value, MANY_LINES);
}

let isOver = false;

function showSize() {
  const bytes = new Blob([text()]).size;
  isOver = bytes > maxBytes;
  sizePart.textContent = isOver ? `${words(bytes)} of at most ${words(maxBytes)}` : words(bytes);
  status.classList.toggle("over", isOver);
  area.setCustomValidity(isOver ? overSentence() : "");
}

function overSentence() {
  return `The text is ${words(new Blob([text()]).size)}; the limit is ${words(maxBytes)}.`;
}

// What is said above the text of one that is only shown in part.
const remark = document.createElement("p");
remark.className = "remark long-text";
remark.hidden = true;
const told = document.createElement("span");
const remove = document.createElement("button");
remove.type = "button";
remove.className = "button";
remove.textContent = "Remove it";
remove.addEventListener("click", () => {
  replaceAll({ text: "" }, "The text is removed.");
  area.focus();
});
remark.append(told, " ", remove);
area.before(remark);

function set(value) {
  const isLong = isTooLong(value);
  long = isLong ? value : null;
  area.readOnly = isLong;
  remark.hidden = !isLong;
  if (isLong) {
    told.textContent = `This text is too long to edit here: ${words(new Blob([value]).size)}. Its beginning is shown, and all of it is kept.`;
  }
  const shown = isLong ? value.slice(0, SHOWN) : value;
  const isShort = area.value.length + shown.length <= UNDOABLE && !hasMoreLines(shown, UNDOABLE_LINES);
  const isUndoable = !isLong && isShort && area.offsetParent !== null;
  if (isUndoable && area.value !== shown) {
    const focused = document.activeElement;
    area.focus();
    replace(0, area.value.length, shown);
    focused?.focus();
  } else {
    area.value = shown;
  }
  area.setSelectionRange(0, 0);
  area.scrollTop = 0;
  isWriting = false;
  showSize();
  area.dispatchEvent(new Event("input", { bubbles: true }));
}

// The fields that one step changes together, and a line that offers to take it back.
const together = ["title", "syntax"];

function replaceAll(values, sentence) {
  const before = { text: text() };
  for (const name of together) before[name] = form.elements[name].value;
  const hadAny = before.text !== "";
  const write = (fields) => {
    for (const name of together) if (name in fields) form.elements[name].value = fields[name];
    set(fields.text);
  };
  write(values);
  undo.hidden = !hadAny;
  if (!hadAny) return;
  undo.querySelector("span").textContent = sentence;
  undo.querySelector("button").onclick = () => {
    undo.hidden = true;
    write(before);
    area.focus();
  };
}

form.editing = { text, set, replaceAll, words, maxBytes, isLong: () => long !== null, showDraft };

function showDraft(sentence) {
  draftPart.textContent = sentence;
}

// A browser checks no field that can't be changed.
document.addEventListener("submit", (event) => {
  if (event.target !== form || long === null || !isOver || area.disabled) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  document.getElementById("file-error").textContent = overSentence();
  area.focus();
}, { capture: true });

form.addEventListener("formdata", ({ formData }) => {
  if (long !== null && formData.has("text")) formData.set("text", long);
});

// execCommand is the one way to change a text area that Ctrl+Z takes back.
function replace(start, end, value) {
  area.setSelectionRange(start, end);
  const isDone = value ? document.execCommand("insertText", false, value) : document.execCommand("delete");
  if (!isDone) {
    area.setRangeText(value, start, end, "end");
    showSize();
  }
}

function shiftLines(isOutward) {
  const { value, selectionStart, selectionEnd } = area;
  const first = value.lastIndexOf("\n", selectionStart - 1) + 1;
  // A selection that ends at the start of a line does not mean that line.
  const last = selectionEnd > selectionStart && value[selectionEnd - 1] === "\n" ? selectionEnd - 1 : selectionEnd;
  const end = value.indexOf("\n", last) < 0 ? value.length : value.indexOf("\n", last);
  const lines = value.slice(first, end).split("\n");
  const shifted = lines.map((line) => (isOutward ? line.replace(/^(\t| {1,4})/, "") : line && indent + line));
  if (shifted.join("\n") === value.slice(first, end)) return;
  replace(first, end, shifted.join("\n"));
  if (selectionStart === selectionEnd) {
    const caret = selectionStart + shifted[0].length - lines[0].length;
    area.setSelectionRange(Math.max(first, caret), Math.max(first, caret));
  } else {
    area.setSelectionRange(first, first + shifted.join("\n").length);
  }
}

function onKeyDown(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape") {
    isWriting = false;
    status.focus();
  } else if (event.key !== "Tab") {
    if (event.key !== "Shift") isWriting = true;
  } else if (isWriting && !area.readOnly && (event.shiftKey || !offer || offer.hidden)) {
    event.preventDefault();
    const isOneLine = !area.value.slice(area.selectionStart, area.selectionEnd).includes("\n");
    if (event.shiftKey) shiftLines(true);
    else if (isOneLine) replace(area.selectionStart, area.selectionEnd, indent);
    else shiftLines(false);
  }
}

function insertLong(start, end, pasted) {
  const whole = area.value.slice(0, start) + pasted + area.value.slice(end);
  replaceAll({ text: whole }, "Your text has become long.");
  if (long !== null) return;
  const caret = start + pasted.replaceAll("\r\n", "\n").length;
  area.setSelectionRange(caret, caret);
  isWriting = true;
}

// On this page a paste means this text, wherever the focus is.
function onPaste(event) {
  const isHere = event.target === area;
  if (event.defaultPrevented || !(isHere || document.activeElement === document.body)) return;
  const pasted = event.clipboardData.getData("text/plain");
  const isLong = long !== null || hasMoreLines(pasted, MAX_PASTED_LINES) || isTooLong(area.value + pasted);
  if (!pasted || (isHere && !isLong)) return;
  event.preventDefault();
  if (area.disabled) return;
  if (!isHere) area.focus();
  const [start, end] = isHere ? [area.selectionStart, area.selectionEnd] : [area.value.length, area.value.length];
  if (long !== null) replaceAll({ text: pasted }, "What you pasted has replaced the text.");
  else if (isLong) insertLong(start, end, pasted);
  else replace(start, end, pasted);
}

area.addEventListener("keydown", onKeyDown);
document.addEventListener("paste", onPaste);
area.addEventListener("pointerdown", () => { isWriting = true; });
area.addEventListener("blur", () => { isWriting = false; });

// Measuring a long text at each key stroke would be felt.
let timer;
area.addEventListener("input", (event) => {
  // Not where a script has put it there: Tab still leads on.
  if (event.isTrusted) isWriting = true;
  clearTimeout(timer);
  if (area.value.length < 100_000) showSize();
  else timer = setTimeout(showSize, 200);
});

// The style sheet hides a text that came with the page and is too long to be laid out.
if (isTooLong(area.value)) set(area.value);
area.parentElement.classList.remove("is-long");
showSize();
