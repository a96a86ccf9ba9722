// What this page says about an entry that the browser lists: it was made or changed, has been claimed, or is gone.

const store = await import(document.getElementById("recents-store").src);
const strip = document.querySelector(".strip[data-key]");
const gone = document.querySelector("[data-gone]");
const refusal = document.querySelector("[data-refusal]");

function element(name, text = "", properties = {}) {
  const made = Object.assign(document.createElement(name), properties);
  made.textContent = text;
  return made;
}

function say(text) {
  document.dispatchEvent(new CustomEvent("slipbin:say", { detail: text }));
}

function forgetButton(key, whenDone) {
  const button = element("button", "Forget", { type: "button", className: "button" });
  button.addEventListener("click", async () => {
    try {
      await store.forget(key);
      whenDone();
      say("Forgotten");
    } catch {
      say("That didn’t work. Try again.");
    }
  });
  return button;
}

// Names what is no longer listed, while its manage link can still be had from its page.
function nameLeaving(entry, place) {
  const notice = element("div", "", { className: "notice leaving" });
  const sentence = element("p");
  sentence.append(
    element("bdi", entry.title ?? entry.key),
    " is no longer listed on this device, which lists the newest 20. Open it to save its manage link, or this browser " +
    "forgets it in 7 days.",
  );
  const actions = element("p", "", { className: "actions" });
  actions.append(
    element("a", "Open it", { className: "button", href: store.pathOf(entry) }),
    forgetButton(entry.key, () => notice.remove()),
  );
  notice.setAttribute("role", "status");
  notice.append(sentence, actions);
  place.after(notice);
}

async function list({ key, kind, title, created, ends, guest, counted }) {
  if (guest === undefined) {
    // An owner looks at it: it has been claimed.
    if (store.has(key)) await store.remove(key);
    return;
  }
  const before = new Set(store.leaving().map((entry) => entry.key));
  await store.add({ key, kind, title: counted === undefined ? title : undefined, created, ends });
  for (const entry of store.leaving()) {
    if (!before.has(entry.key)) nameLeaving(entry, strip);
  }
  await store.sweep();
}

// The page of what there is no more of stands at the path of the entry. Elsewhere below it is what never was.
async function offerToForget(status, place) {
  const [, first, ...below] = location.pathname.split("/");
  const key = first.split(/[+.]/)[0];
  if (!store.isKey(key) || !store.has(key)) return;
  if (status === "410") {
    await store.forget(key).catch(() => {});
    return;
  }
  if (!["", "edit", "manage", "stats"].includes(below.join("/"))) return;
  const offer = element("div", "", { className: "notice" });
  const actions = element("p", "", { className: "actions" });
  actions.append(forgetButton(key, () => offer.remove()));
  offer.append(element("p", "It’s still listed on this device."), actions);
  place.append(offer);
}

// A link from elsewhere leads to this page, too.
if (document.body.dataset.signedOut !== undefined && store.isLeaving()) store.clear();
if (strip) await list(strip.dataset);
if (gone && store.has(gone.dataset.gone)) await store.remove(gone.dataset.gone);
if (refusal && ["404", "410"].includes(refusal.dataset.refusal)) await offerToForget(refusal.dataset.refusal, refusal);
