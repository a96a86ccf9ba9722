// Signing out empties what this browser keeps for us: by the answer's Clear-Site-Data where browsers know it and the
// connection is safe, and here for all others. Preferences of the person at the device, such as colours and keys, stay: it comes
// along after "#", as nothing else outlasts this, and theme.js puts it back.

const store = await import(document.getElementById("recents-store").src);
const ending = ["/sign-out", "/settings/sign-out-everywhere"];
// This one may be refused, so all is kept until the page that says it is done.
const deleting = "/settings/delete";

document.addEventListener("submit", (event) => {
  const action = new URL(event.target.action);
  if (action.origin !== location.origin || ![...ending, deleting].includes(action.pathname)) return;
  const { theme = "", keys = "" } = document.documentElement.dataset;
  if (theme || keys) event.target.action = `${action.pathname}#keep=${theme},${keys}`;
  if (action.pathname === deleting) store.noteLeaving();
  else store.clear();
});
