// One button that moves what this browser made without an account into the account: each entry by its own form's action,
// to which the browser sends the entry's manage cookie.

const store = await import(document.getElementById("recents-store").src);
const panel = document.getElementById("claim-recents");

const reasons = {
  401: "sign in again first",
  403: "this browser can no longer manage it, or it has another owner",
  404: "it no longer exists",
  410: "it has expired or was deleted",
  429: "too many requests, try again in a minute",
};

function count(entries) {
  return entries.length === 1 ? "1 entry" : `${entries.length} entries`;
}

function all() {
  return [...store.listed(), ...store.leaving()];
}

if (panel) {
  const button = panel.querySelector("button");
  const progress = panel.querySelector("[role=status]");
  const failures = panel.querySelector("ul");
  let isBusy = false;

  const show = () => {
    if (isBusy) return;
    const entries = all();
    button.textContent = `Add ${count(entries)} made on this device to your account`;
    if (entries.length) panel.hidden = false;
    button.closest("p").hidden = entries.length === 0;
  };

  const fail = (entry, reason) => {
    const line = document.createElement("li");
    const name = document.createElement("bdi");
    name.textContent = entry.title ?? entry.key;
    line.append(name, `: ${reason}`);
    failures.append(line);
    failures.hidden = false;
  };

  const claim = async (entry) => {
    const form = new URLSearchParams({ key: entry.key });
    const answer = await fetch(`/${entry.key}/manage/claim`, { method: "POST", body: form });
    // It leads to the entry's manage page, or who has been signed out to the page to sign in.
    const status = new URL(answer.url).pathname === "/sign-in" ? 401 : answer.status;
    if (status !== 200) return reasons[status] ?? "something went wrong, try again";
    await store.remove(entry.key);
    return null;
  };

  button.addEventListener("click", async () => {
    if (isBusy) return;
    isBusy = true;
    button.setAttribute("aria-disabled", "true");
    failures.replaceChildren();
    failures.hidden = true;
    progress.hidden = false;
    const entries = all();
    let done = 0;
    for (const [place, entry] of entries.entries()) {
      progress.textContent = `Adding ${place + 1} of ${entries.length}…`;
      const reason = await claim(entry).catch(() => "the server can’t be reached");
      if (reason) fail(entry, reason);
      else done += 1;
    }
    isBusy = false;
    button.removeAttribute("aria-disabled");
    progress.textContent = `${done === 1 ? "1 entry is" : `${done} entries are`} in your account now. `;
    if (done) {
      const link = document.createElement("a");
      link.href = "/profile";
      link.textContent = location.pathname === "/profile" ? "Show them" : "My slips";
      progress.append(link);
    }
    show();
  });
  document.addEventListener("slipbin:recents", show);
  addEventListener("pageshow", show);
  show();
}
