// Starts Swagger UI on our own OpenAPI document, in the colours of the system.

const dark = matchMedia("(prefers-color-scheme: dark)");

function paint() {
  document.documentElement.classList.toggle("dark-mode", dark.matches);
}

paint();
dark.addEventListener("change", paint);

SwaggerUIBundle({
  url: document.getElementById("swagger").dataset.spec,
  dom_id: "#swagger",
  // The validator is a foreign host.
  validatorUrl: null,
});
