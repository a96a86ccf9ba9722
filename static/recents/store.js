// The entries that this browser made without an account, newest first, as localStorage keeps them. Other scripts of ours
// import this one. What is stored is not trusted: whatever has another shape is left out.

const NAME = "slipbin.recent";
// Entries that are no longer listed, until their manage cookies are ended.
const LEAVING = "slipbin.recent-leaving";
const SIGNING_OUT = "slipbin.signing-out";
const MOST = 20;
const MAX_LEAVING = 10;
const LEAVING_DAYS = 7;
const MAX_CHARACTERS = 100_000;
const KEY = /^[A-Za-z0-9_-]{3,64}$/;
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)$/;
// For as long, a change is made again where another tab has written over it.
const INSISTS_MS = 2_000;
// Two tabs that want the opposite end their quarrel.
const INSISTS_TIMES = 20;

// Everything that this browser keeps for us, except for preferences of the person at the device, such as colours and keys.
export function clear() {
  for (const kind of ["localStorage", "sessionStorage"]) {
    try {
      const storage = globalThis[kind];
      for (const name of Object.keys(storage)) {
        if (name.startsWith("slipbin.")) storage.removeItem(name);
      }
    } catch {
      // It keeps nothing for us.
    }
  }
}

// That the account of this tab is to be deleted, for the page that says that it is.
export function noteLeaving() {
  try {
    sessionStorage.setItem(SIGNING_OUT, "1");
  } catch {
    // It keeps nothing for us.
  }
}

export function isLeaving() {
  try {
    return sessionStorage.getItem(SIGNING_OUT) !== null;
  } catch {
    return false;
  }
}

export function isKey(text) {
  return typeof text === "string" && KEY.test(text);
}

function isInstant(text) {
  return typeof text === "string" && INSTANT.test(text) && !Number.isNaN(Date.parse(text));
}

// The entry with nothing but what it should have, or null.
function checked(entry) {
  if (typeof entry !== "object" || entry === null) return null;
  const { key, kind, title, created, ends, left } = entry;
  if (!isKey(key) || !["paste", "link"].includes(kind) || !isInstant(created)) return null;
  if (ends !== undefined && ends !== null && !isInstant(ends)) return null;
  return {
    key, kind, created,
    title: typeof title === "string" && title ? title.slice(0, 200) : undefined,
    ends: ends ?? undefined,
    left: isInstant(left) ? left : undefined,
  };
}

function readList(name) {
  try {
    const text = localStorage.getItem(name) ?? "[]";
    const list = text.length > MAX_CHARACTERS ? [] : JSON.parse(text);
    const entries = Array.isArray(list) ? list.map(checked).filter((entry) => entry) : [];
    return Array.from(new Map(entries.map((entry) => [entry.key, entry])).values());
  } catch {
    // Nothing of ours, or a browser that keeps nothing for us.
    return [];
  }
}

function isLive(entry) {
  return !entry.ends || Date.parse(entry.ends) > Date.now();
}

function newestFirst(one, other) {
  return Date.parse(other.created) - Date.parse(one.created);
}

function read() {
  return {
    listed: readList(NAME).filter(isLive).sort(newestFirst).slice(0, MOST),
    leaving: readList(LEAVING).filter(isLive),
  };
}

function write({ listed, leaving }) {
  try {
    for (const [name, entries] of [[NAME, listed], [LEAVING, leaving]]) {
      const text = JSON.stringify(entries);
      if ((localStorage.getItem(name) ?? "[]") !== text) localStorage.setItem(name, text);
    }
  } catch {
    // It is full, or it keeps nothing for us.
  }
}

function announce() {
  document.dispatchEvent(new Event("slipbin:recents"));
}

let insisted = [];

function make(edit) {
  const before = read();
  const after = edit(before);
  if (JSON.stringify(after) === JSON.stringify(before)) return false;
  write(after);
  announce();
  return true;
}

// "edit" returns the new lists, and does no more when it is applied again. Tabs take turns where the browser lets them;
// what one of them reads may still be older than what another has written.
async function change(edit) {
  insisted.push({ edit, until: Date.now() + INSISTS_MS, left: INSISTS_TIMES });
  if (navigator.locks) await navigator.locks.request(NAME, () => make(edit));
  else make(edit);
}

addEventListener("storage", (event) => {
  if (event.key !== NAME && event.key !== LEAVING && event.key !== null) return;
  // All is emptied where a user signs out.
  insisted = event.newValue === null ? [] : insisted.filter(({ until, left }) => until > Date.now() && left > 0);
  const isRepeated = make((lists) => insisted.reduce((changed, { edit }) => edit(changed), lists));
  if (isRepeated) for (const each of insisted) each.left -= 1;
  else announce();
});

export function listed() {
  return read().listed;
}

// The entries that are no longer listed while the browser can still manage them, with the instant since when.
export function leaving() {
  return read().leaving;
}

export function has(key) {
  const { listed, leaving } = read();
  return [...listed, ...leaving].some((entry) => entry.key === key);
}

// Where its maker finds an entry: a link's own path would lead away, and count a visit.
export function pathOf(entry) {
  return `/${entry.key}${entry.kind === "link" ? "+" : ""}`;
}

function without(entries, key) {
  return entries.filter((entry) => entry.key !== key);
}

// List an entry, or what is new about it. The oldest ones that there is no more room for are leaving; one that is older
// than all of them is not listed.
export async function add(entry) {
  const added = checked(entry);
  if (!added) return;
  const now = new Date().toISOString();
  await change(({ listed, leaving }) => {
    const sorted = [added, ...without(listed, added.key)].sort(newestFirst);
    const kept = sorted.slice(0, MOST);
    if (!kept.includes(added)) return { listed: kept, leaving };
    const fallen = sorted.slice(MOST).map((old) => ({ ...old, left: now }));
    return { listed: kept, leaving: [...fallen, ...without(leaving, added.key)] };
  });
}

// Take it off the list: the server has ended its cookies, or there is nothing left to manage.
export async function remove(key) {
  await change(({ listed, leaving }) => ({ listed: without(listed, key), leaving: without(leaving, key) }));
}

// End the cookies by which this browser manages the entry, and take it off the list. Throws where the server can't be
// reached or refuses.
export async function forget(key) {
  // Where the answer leads is another page, which is not asked for: that would be a visit.
  const answer = await fetch(`/${key}/forget`, { method: "POST", body: new URLSearchParams({ key }), redirect: "manual" });
  const isDone = answer.ok || answer.type === "opaqueredirect" || answer.status === 404 || answer.status === 410;
  if (!isDone) throw new Error(`forgetting was answered with ${answer.status}`);
  await remove(key);
}

// End the cookies of what has been leaving for long: a browser keeps only so many of one site.
export async function sweep() {
  const long = Date.now() - LEAVING_DAYS * 86_400_000;
  const { leaving } = read();
  const due = leaving.filter(({ left }, place) => place >= MAX_LEAVING || !left || Date.parse(left) < long);
  for (const { key } of due) await forget(key).catch(() => {});
}
