// Sets the reader's choice of colours before anything is painted: it is loaded first, and holds nothing else.

{
  const root = document.documentElement;
  // For what only scripts can do: style sheets show it.
  root.dataset.scripts = "";
  try {
    // A browser that keeps nothing for us throws on the mere mention of its storage.
    // Signing out empties what is stored, but brings these along.
    const kept = /^#keep=(light|dark|),(off|)$/.exec(location.hash);
    if (kept && document.referrer.startsWith(`${location.origin}/`)) {
      if (kept[1]) localStorage.setItem("slipbin-theme", kept[1]);
      if (kept[2]) localStorage.setItem("slipbin-keys", kept[2]);
      history.replaceState(null, "", location.pathname);
    }
    const theme = localStorage.getItem("slipbin-theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    if (localStorage.getItem("slipbin-keys") === "off") root.dataset.keys = "off";
  } catch {
    // The system's colours, then.
  }
}
