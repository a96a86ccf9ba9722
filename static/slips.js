// What one does with a row of the list: copy its link, see its QR code, and both by keys.

const dialog = document.querySelector("#qr");
let current = null;

function showCode(key, url) {
  const image = dialog.querySelector("img");
  image.src = `/${key}/qr.svg`;
  image.alt = `QR code of ${url}`;
  dialog.querySelector("code").textContent = url;
  const [svg, png] = dialog.querySelectorAll("[data-file]");
  Object.assign(svg, { href: `/${key}/qr.svg`, download: `${key}.svg` });
  Object.assign(png, { href: `/${key}/qr.png?size=1024`, download: `${key}.png` });
  dialog.showModal();
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button[data-link]");
  if (button) {
    const detail = { text: button.dataset.link, said: "Link copied" };
    document.dispatchEvent(new CustomEvent("slipbin:copy", { detail }));
  }
  const link = event.target.closest("a[data-qr]");
  if (link && dialog?.showModal && !(event.ctrlKey || event.metaKey || event.shiftKey)) {
    event.preventDefault();
    showCode(link.dataset.qr, link.closest(".slip").querySelector("[data-link]").dataset.link);
  }
});

// A click beside it closes it.
dialog?.addEventListener("click", (event) => {
  if (event.target === dialog) dialog.close();
});

function rows() {
  return Array.from(document.querySelectorAll(".slip"));
}

// The row of the focus, else of the last one; at first none.
function find() {
  return rows().find((row) => row === current || row.dataset.entry === current?.dataset.entry) ?? null;
}

function go(step) {
  const every = rows();
  const row = every[Math.min(Math.max(every.indexOf(find()) + step, 0), every.length - 1)];
  // Of what has ended only the statistics can be opened.
  row?.querySelector("a").focus();
}

function press(selector) {
  (find() ?? rows()[0])?.querySelector(selector)?.click();
}

document.addEventListener("focusin", ({ target }) => {
  current = target.closest(".slip") ?? current;
});

const keys = [
  { key: "j", name: "Next slip", act: () => go(1), repeats: true },
  { key: "k", name: "Previous slip", act: () => go(-1), repeats: true },
  { key: "x", name: "Select", act: () => { if (!find()) go(1); press("input"); } },
  { key: "c", name: "Copy link", act: () => press("[data-link]") },
  { key: "e", name: "Edit", act: () => press(".edit") },
];

if (rows().length) document.dispatchEvent(new CustomEvent("slipbin:keys", { detail: keys }));
