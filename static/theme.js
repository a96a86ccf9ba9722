// Sets the reader's choice of colours before anything is painted: it is loaded first, and holds nothing else.

{
  const root = document.documentElement;
  // For what only scripts can do: style sheets show it.
  root.dataset.scripts = "";
  try {
    // A browser that keeps nothing for us throws on the mere mention of its storage.
    const theme = localStorage.getItem("slipbin-theme");
    if (theme === "light" || theme === "dark") root.dataset.theme = theme;
    if (localStorage.getItem("slipbin-keys") === "off") root.dataset.keys = "off";
  } catch {
    // The system's colours, then.
  }
}
