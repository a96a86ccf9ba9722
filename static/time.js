// Instants in the reader's time zone, or as how far away they are.

const absolute = new Intl.DateTimeFormat("en-GB", {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", timeZoneName: "short",
});
const relative = new Intl.RelativeTimeFormat("en", { numeric: "always" });
const units = [["year", 31_557_600], ["month", 2_629_800], ["day", 86_400], ["hour", 3_600], ["minute", 60]];

function distance(instant) {
  const seconds = (instant - Date.now()) / 1000;
  for (const [unit, length] of units) {
    // 9 days and 23 hours are told as 10 days, 59.8 minutes as 1 hour.
    if (Math.abs(seconds) >= 0.95 * length) return relative.format(Math.round(seconds / length), unit);
  }
  return seconds < 0 ? "just now" : "in less than a minute";
}

function write(time) {
  const instant = new Date(time.dateTime);
  if (Number.isNaN(instant.valueOf())) return;
  const exact = absolute.format(instant);
  if (time.dataset.time === "relative") {
    time.textContent = distance(instant);
    time.title = exact;
  } else {
    time.textContent = time.dataset.time === "both" ? `${exact} (${distance(instant)})` : exact;
  }
}

function writeAll() {
  document.querySelectorAll("time[data-time]").forEach(write);
}

writeAll();
// Another script has shown some more.
document.addEventListener("slipbin:times", writeAll);
setInterval(writeAll, 60_000);
