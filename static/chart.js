// Tells the values of a chart: under the pointer, and with the arrow keys, of the column that is reached.

function makeReadable(plot) {
  const columns = plot.querySelector(".columns");
  const groups = [...columns.querySelectorAll("g")];
  const texts = groups.map((group) => {
    const title = group.querySelector("title");
    // The browser would show it a second time.
    title.remove();
    return title.textContent;
  });
  if (groups.length === 0) return;

  const tip = document.createElement("p");
  tip.className = "tip";
  tip.hidden = true;
  tip.setAttribute("aria-hidden", "true");
  plot.append(tip);
  let current = groups.length - 1;

  function show(index) {
    groups[current].classList.remove("current");
    current = index;
    groups[current].classList.add("current");
    tip.textContent = texts[current];
    tip.hidden = false;
    const slot = groups[current].querySelector(".slot").getBoundingClientRect();
    const frame = plot.getBoundingClientRect();
    const middle = slot.left + slot.width / 2 - frame.left;
    const left = Math.min(Math.max(0, middle - tip.offsetWidth / 2), frame.width - tip.offsetWidth);
    tip.style.left = `${left}px`;
    columns.setAttribute("aria-valuenow", current + 1);
    columns.setAttribute("aria-valuetext", texts[current]);
  }

  function hide() {
    groups[current].classList.remove("current");
    tip.hidden = true;
  }

  columns.setAttribute("tabindex", "0");
  columns.setAttribute("role", "slider");
  columns.setAttribute("aria-valuemin", "1");
  columns.setAttribute("aria-valuemax", groups.length);
  columns.setAttribute("aria-valuenow", current + 1);
  columns.setAttribute("aria-valuetext", texts[current]);

  const moves = {
    ArrowLeft: () => current - 1, ArrowDown: () => current - 1, ArrowRight: () => current + 1, ArrowUp: () => current + 1,
    PageDown: () => current - 7, PageUp: () => current + 7, Home: () => 0, End: () => groups.length - 1,
  };
  columns.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.key === "Escape") hide();
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    show(Math.min(Math.max(0, move()), groups.length - 1));
  });
  columns.addEventListener("focus", () => show(current));
  columns.addEventListener("blur", hide);
  for (const [index, group] of groups.entries()) {
    group.addEventListener("pointerenter", () => show(index));
    group.addEventListener("pointerdown", () => show(index));
  }
  columns.addEventListener("pointerleave", (event) => {
    // A finger leaves as soon as it is lifted; its value stays until something else is touched.
    if (event.pointerType === "mouse" && document.activeElement !== columns) hide();
  });
}

document.querySelectorAll(".plot").forEach(makeReadable);
