// From a text to its editor and back, at the same line. On the page of a paste it adds the line that is read to the link;
// on the page of the editor it shows that line.

const area = document.querySelector("form.editor textarea");
const lines = document.querySelector(".lines");

// The line at the top of what is seen of the text, below the bar that stays in sight.
function lineInSight() {
  const box = lines.getBoundingClientRect();
  const top = document.querySelector(".bar")?.getBoundingClientRect().bottom ?? 0;
  if (box.top >= top) return 1;
  const item = document.elementFromPoint(box.left + box.width / 2, top + 4)?.closest("li");
  return item ? Number(item.id.slice(1)) || 1 : 1;
}

if (area) {
  const number = Number(/^#L(\d{1,9})\b/.exec(location.hash)?.[1] ?? 1);
  let at = 0;
  for (let line = 1; line < number && at >= 0; line += 1) at = area.value.indexOf("\n", at) + 1 || -1;
  if (number > 1 && at > 0) {
    area.focus();
    area.setSelectionRange(at, at);
    area.scrollTop = area.form.editing.rowsBefore(number) * parseFloat(getComputedStyle(area).lineHeight);
  }
} else if (lines) {
  for (const link of document.querySelectorAll('a[href$="/edit"]')) {
    link.addEventListener("click", () => {
      const marked = /^#L(\d{1,9})/.exec(location.hash)?.[1];
      const number = marked ?? lineInSight();
      link.hash = Number(number) > 1 ? `#L${number}` : "";
    });
  }
}
