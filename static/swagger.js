// Starts Swagger UI on our own OpenAPI document, in the colours that the reader has chosen, or the system.

const dark = matchMedia("(prefers-color-scheme: dark)");

function paint() {
  const { theme } = document.documentElement.dataset;
  document.documentElement.classList.toggle("dark-mode", theme ? theme === "dark" : dark.matches);
}

paint();
dark.addEventListener("change", paint);
// The switch in the header.
document.addEventListener("slipbin:theme", paint);

SwaggerUIBundle({
  url: document.getElementById("swagger").dataset.spec,
  dom_id: "#swagger",
  // The validator is a foreign host.
  validatorUrl: null,
});
