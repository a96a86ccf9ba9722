// Selecting entries: all of the page at once, and how many there are.

const form = document.querySelector(".selection");

if (form) {
  const all = form.querySelector("#all");
  const boxes = Array.from(form.querySelectorAll("input[name=keys]"));
  const button = form.querySelector(".danger");

  function count() {
    const selected = boxes.filter((box) => box.checked).length;
    all.checked = selected > 0 && selected === boxes.length;
    all.indeterminate = selected > 0 && selected < boxes.length;
    button.textContent = selected ? `Delete selected (${selected})` : "Delete selected";
  }

  all.closest("[data-script]").hidden = boxes.length === 0;
  all.addEventListener("change", () => {
    for (const box of boxes) box.checked = all.checked;
    count();
  });
  form.addEventListener("change", count);
  // Going back shows the page as it was left.
  addEventListener("pageshow", count);
}
