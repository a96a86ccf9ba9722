// Selecting entries: all of the page at once, a range with Shift, and how many there are.

let last = null;

function boxes() {
  return Array.from(document.querySelectorAll(".selection input[name=keys]"));
}

function count() {
  const all = document.querySelector("#all");
  if (!all) return;
  const every = boxes();
  const selected = every.filter((box) => box.checked).length;
  all.disabled = every.length === 0;
  all.checked = selected > 0 && selected === every.length;
  all.indeterminate = selected > 0 && selected < every.length;
  document.querySelector(".selected").textContent = selected ? `${selected} selected` : "";
}

document.addEventListener("change", ({ target }) => {
  if (!target.closest(".selection")) return;
  if (target.id === "all") for (const box of boxes()) box.checked = target.checked;
  count();
});

// From the box before to this one, all get what this one has.
document.addEventListener("click", (event) => {
  if (!event.target.matches(".selection input[name=keys]")) return;
  const every = boxes();
  const ends = [every.indexOf(last), every.indexOf(event.target)].sort((a, b) => a - b);
  if (event.shiftKey && ends[0] >= 0) {
    for (const box of every.slice(ends[0], ends[1] + 1)) box.checked = event.target.checked;
    getSelection().removeAllRanges();
  }
  last = event.target;
});

// The fields are empty once the event is over.
document.addEventListener("reset", () => setTimeout(count));
// Going back shows the page as it was left.
addEventListener("pageshow", count);
document.addEventListener("slipbin:list", count);
