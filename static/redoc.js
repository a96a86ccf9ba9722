// Starts ReDoc on our own OpenAPI document, in the colours that the reader has chosen, or the system.

const dark = matchMedia("(prefers-color-scheme: dark)");
const sans = 'system-ui, "Segoe UI", Roboto, "Liberation Sans", sans-serif';
const mono = 'ui-monospace, "Cascadia Mono", Menlo, Consolas, "Liberation Mono", monospace';

// The samples stand on a dark ground in both.
const onSamples = { success: { tabTextColor: "#5fd0b0" }, error: { tabTextColor: "#ff9d93" } };

function isDark() {
  const { theme } = document.documentElement.dataset;
  return theme ? theme === "dark" : dark.matches;
}

function themeOf(inDark) {
  const [sunken, ink, quiet, rule, accent, danger] = inDark
    ? ["#1c2321", "#e6ece9", "#9ba8a2", "#26302c", "#5fd0b0", "#ff9d93"]
    : ["#eef2f0", "#14201b", "#55625c", "#dde4e0", "#0a6b52", "#b0261c"];
  return {
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
    rightPanel: { backgroundColor: inDark ? "#151a18" : "#1f2a25" },
    fab: { backgroundColor: sunken, color: accent },
    typography: {
      fontFamily: sans,
      headings: { fontFamily: sans, fontWeight: "600" },
      code: { fontFamily: mono, color: ink, backgroundColor: sunken },
      links: { color: accent },
    },
  };
}

// ReDoc's menu asks a foreign host for a logo, its only picture. The page's policy would block and report it; so
// it is not asked for. React sets the address both as an attribute and as a property.
Object.defineProperty(HTMLImageElement.prototype, "src", { set() {} });
HTMLImageElement.prototype.setAttribute = function setAttribute(name, value) {
  if (name !== "src") Element.prototype.setAttribute.call(this, name, value);
};

const frame = document.getElementById("redoc");
let shown;

// ReDoc takes its colours only at its start.
function show() {
  if (isDark() === shown) return;
  shown = isDark();
  const place = document.createElement("div");
  frame.replaceChildren(place);
  Redoc.init(frame.dataset.spec, { nativeScrollbars: true, theme: themeOf(shown) }, place);
}

show();
dark.addEventListener("change", show);
// The switch in the header.
document.addEventListener("slipbin:theme", show);
