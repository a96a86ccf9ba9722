// On the page of an entry that this tab has just created: its draft is done with.

const PREFIX = "slipbin.draft.";
const FORMS = "slipbin.form";
const SENT = "slipbin.sent";
const CREATED = "slipbin.created";
const MOST = 20;

// Going back to this page, or opening it again, is not creating it.
const [navigation] = performance.getEntriesByType("navigation");

if (document.querySelector(".strip") && location.hash === "#created" && navigation?.type === "navigate") {
  try {
    const sent = JSON.parse(sessionStorage.getItem(SENT));
    if (sent) {
      const draft = JSON.parse(localStorage.getItem(PREFIX + sent.id));
      localStorage.removeItem(PREFIX + sent.id);
      const forms = JSON.parse(sessionStorage.getItem(FORMS)) ?? {};
      for (const [place, id] of Object.entries(forms)) if (id === sent.id) delete forms[place];
      // A text that was typed before one changed to the link has not been sent.
      if (draft?.kind === "link" && draft.text) {
        const left = { ...draft, kind: "paste", title: "", original_url: "", alias: "", views: "" };
        const id = `${sent.id}-text`;
        localStorage.setItem(PREFIX + id, JSON.stringify(left));
        forms[sent.place] = id;
      }
      sessionStorage.setItem(FORMS, JSON.stringify(forms));
      // A page that the browser has kept as it was must not send it again.
      const created = JSON.parse(sessionStorage.getItem(CREATED)) ?? [];
      sessionStorage.setItem(CREATED, JSON.stringify([...created, sent.id].slice(-MOST)));
      sessionStorage.removeItem(SENT);
    }
  } catch {
    // Without storage there was no draft.
  }
}
