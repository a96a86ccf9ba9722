// Starts ReDoc on our own OpenAPI document, in the colours of the system.

const isDark = matchMedia("(prefers-color-scheme: dark)").matches;
const [sunken, ink, quiet, rule, accent, danger] = isDark
  ? ["#222725", "#e7ebe8", "#a0aca5", "#2c322f", "#6cd0b3", "#ff9d93"]
  : ["#f1f3f0", "#16201c", "#55615b", "#dcdfdb", "#0a6b52", "#b0261c"];
const sans = 'system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif';
const mono = 'ui-monospace, "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace';

// The samples stand on a dark ground in both.
const onSamples = { success: { tabTextColor: "#6cd0b3" }, error: { tabTextColor: "#ff9d93" } };

const theme = {
  colors: {
    primary: { main: accent },
    success: { main: accent },
    error: { main: danger },
    text: { primary: ink, secondary: quiet },
    border: { dark: rule, light: rule },
    responses: onSamples,
  },
  schema: { linesColor: rule, nestedBackground: sunken },
  sidebar: { backgroundColor: sunken, textColor: ink },
  rightPanel: { backgroundColor: isDark ? "#191d1b" : "#1f2a25" },
  fab: { backgroundColor: sunken, color: accent },
  typography: {
    fontFamily: sans,
    headings: { fontFamily: sans, fontWeight: "600" },
    code: { fontFamily: mono, color: ink, backgroundColor: sunken },
    links: { color: accent },
  },
};

// ReDoc's menu asks a foreign host for a logo, its only picture. The page's policy would block and report it; so
// it is not asked for. React sets the address both as an attribute and as a property.
Object.defineProperty(HTMLImageElement.prototype, "src", { set() {} });
HTMLImageElement.prototype.setAttribute = function setAttribute(name, value) {
  if (name !== "src") Element.prototype.setAttribute.call(this, name, value);
};

const place = document.getElementById("redoc");
Redoc.init(place.dataset.spec, { nativeScrollbars: true, theme }, place);
