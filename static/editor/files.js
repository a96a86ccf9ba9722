// A file that is opened, dropped anywhere or pasted becomes the text, and its name the title. What is no text is refused
// with a sentence that says why.

const form = document.querySelector("form.editor");
const input = document.getElementById("file");
const error = document.getElementById("file-error");
const { editing } = form;

// Touch screens can't drop files.
if (matchMedia("(pointer: fine)").matches) form.elements.text.placeholder = "Paste, type, or drop a file here";

function refuse(sentence) {
  error.textContent = sentence;
}

// Null: it is no text that can be kept.
function decoded(bytes) {
  // Windows writes UTF-16, with a mark at its start.
  const isUtf16 = bytes.length > 1 && ((bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff));
  const encoding = isUtf16 ? (bytes[0] === 0xff ? "utf-16le" : "utf-16be") : "utf-8";
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch {
    return null;
  }
}

async function open(file) {
  refuse("");
  const { words, maxBytes } = editing;
  const name = file.name || "This file";
  // What is too large once it is UTF-8 is told below.
  if (file.size > 2 * maxBytes) {
    refuse(`${name} is ${words(file.size)}. A paste can have at most ${words(maxBytes)}.`);
    return;
  }
  let bytes;
  try {
    bytes = new Uint8Array(await file.arrayBuffer());
  } catch {
    refuse(`${name} can’t be read. Folders can’t be pasted.`);
    return;
  }
  const text = decoded(bytes);
  if (text === null) {
    refuse(`${name} isn’t text: it isn’t valid UTF-8. If it is text in another encoding, save it as UTF-8 first.`);
  } else if (text.includes("\0")) {
    refuse(`${name} isn’t text: it contains NUL bytes, as programs, images and archives do.`);
  } else if (text === "") {
    refuse(`${name} is empty.`);
  } else if (new Blob([text]).size > maxBytes) {
    refuse(`${name} is ${words(new Blob([text]).size)}. A paste can have at most ${words(maxBytes)}.`);
  } else {
    take(text, file.name);
  }
}

function take(text, name) {
  const link = form.elements["kind-link"];
  if (link?.checked) {
    form.elements["kind-paste"].checked = true;
    form.dispatchEvent(new Event("slipbin:fields"));
  }
  const title = name.replace(/[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]/g, " ").trim().slice(0, 200);
  editing.replaceAll({ text, ...(title && { title }) }, `${title || "The file"} has replaced your text.`);
  if (title) form.dispatchEvent(new Event("slipbin:named"));
  document.getElementById("text").focus();
  document.dispatchEvent(new CustomEvent("slipbin:say", { detail: `${title || "File"} opened` }));
}

function openFirst(files) {
  if (files.length > 1) refuse("One file at a time: a paste is one text.");
  else open(files[0]);
}

input.addEventListener("change", () => {
  if (input.files.length) openFirst(input.files);
  // The same file can be opened again.
  input.value = "";
});

function hasFiles(event) {
  return event.dataTransfer?.types.includes("Files");
}

// Else the browser would show the file in place of the page.
document.addEventListener("dragover", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  event.dataTransfer.dropEffect = "copy";
  form.classList.add("dropping");
});
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) form.classList.remove("dropping");
});
document.addEventListener("drop", (event) => {
  form.classList.remove("dropping");
  if (!hasFiles(event)) return;
  event.preventDefault();
  if (event.dataTransfer.files.length) openFirst(Array.from(event.dataTransfer.files));
});
document.addEventListener("paste", (event) => {
  const { files, types } = event.clipboardData;
  // What is copied from an office program is a text and a picture of it.
  if (!files.length || types.includes("text/plain")) return;
  event.preventDefault();
  openFirst(Array.from(files));
}, { capture: true });
