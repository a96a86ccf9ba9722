// The text area as an editor: Tab indents, Esc leaves, and the size is told before it is sent.

const editor = document.querySelector("textarea");
const size = document.getElementById("text-size");
const maximum = size.textContent.replace(/^At most /, "");
const maxBytes = Number(editor.dataset.maxBytes);
const indent = "\t";

// Whoever only passes through with Tab is not held: it indents from the first click or key stroke on.
let isWriting = false;

function bytesAsWords(bytes) {
  if (bytes < 1024) return `${bytes} ${bytes === 1 ? "byte" : "bytes"}`;
  const units = ["KiB", "MiB", "GiB"];
  let value = bytes / 1024;
  while (value >= 1024 && units.length > 1) {
    value /= 1024;
    units.shift();
  }
  return `${value.toFixed(1)} ${units[0]}`;
}

function showSize() {
  const bytes = new Blob([editor.value]).size;
  const isOver = bytes > maxBytes;
  size.textContent = isOver
    ? `${bytesAsWords(bytes)}, but at most ${maximum} can be kept`
    : `${bytesAsWords(bytes)} of ${maximum}`;
  size.classList.toggle("over", isOver);
  editor.setCustomValidity(isOver ? `The text is ${bytesAsWords(bytes)}; the limit is ${maximum}.` : "");
}

// execCommand is the one way to change a text area that Ctrl+Z takes back.
function replace(start, end, text) {
  editor.setSelectionRange(start, end);
  const isDone = text ? document.execCommand("insertText", false, text) : document.execCommand("delete");
  if (!isDone) {
    editor.setRangeText(text, start, end, "end");
    showSize();
  }
}

function shiftLines(isOutward) {
  const { value, selectionStart, selectionEnd } = editor;
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
    editor.setSelectionRange(Math.max(first, caret), Math.max(first, caret));
  } else {
    editor.setSelectionRange(first, first + shifted.join("\n").length);
  }
}

function onKeyDown(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  if (event.key === "Escape") {
    isWriting = false;
    size.focus();
  } else if (event.key !== "Tab") {
    if (event.key !== "Shift") isWriting = true;
  } else if (isWriting) {
    event.preventDefault();
    const isOneLine = !editor.value.slice(editor.selectionStart, editor.selectionEnd).includes("\n");
    if (event.shiftKey) shiftLines(true);
    else if (isOneLine) replace(editor.selectionStart, editor.selectionEnd, indent);
    else shiftLines(false);
  }
}

// On this page a paste means this text, wherever the focus is.
function onPaste(event) {
  if (document.activeElement !== document.body) return;
  event.preventDefault();
  editor.focus();
  replace(editor.value.length, editor.value.length, event.clipboardData.getData("text/plain"));
}

editor.addEventListener("keydown", onKeyDown);
document.addEventListener("paste", onPaste);
editor.addEventListener("pointerdown", () => { isWriting = true; });
editor.addEventListener("blur", () => { isWriting = false; });

// Measuring 10 MiB at each key stroke would be felt.
let timer;
editor.addEventListener("input", () => {
  isWriting = true;
  clearTimeout(timer);
  if (editor.value.length < 100_000) showSize();
  else timer = setTimeout(showSize, 200);
});

if (editor.value) showSize();
