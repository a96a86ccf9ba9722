// Before a text with what looks like a private key or a token is sent: a question, asked in this browser alone.

const WARNED = "slipbin.warned";

// Each begins with letters of its own, so that 10 MiB are searched in a moment.
const PATTERNS = [
  ["a private key", /-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----/],
  ["a PuTTY private key", /PuTTY-User-Key-File-\d:/],
  ["an age private key", /AGE-SECRET-KEY-1[0-9A-Z]{58}/],
  ["an AWS access key", /\b(?:AKIA|ASIA)[A-Z2-7]{16}\b/],
  ["an AWS secret key", /\baws_secret_access_key\b["']?\s*[:=]\s*["']?[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])/i],
  ["a GitHub token", /\b(?:gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{60,251})/],
  ["a GitLab token", /\bgl(?:pat|dt|ptt|rt|oas)-[A-Za-z0-9_-]{20,}/],
  ["a Slack token", /\b(?:xox[abeoprs]-[A-Za-z0-9-]{10,}|xapp-\d-[A-Za-z0-9-]{10,})/],
  ["a Slack webhook", /hooks\.slack\.com\/services\/T[A-Z0-9]{6,}\/B[A-Z0-9]{6,}\/[A-Za-z0-9]{20,}/],
  ["a Stripe secret key", /\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}/],
  ["a webhook secret", /\bwhsec_[A-Za-z0-9+/=]{24,}/],
  ["a Google API key", /\bAIza[A-Za-z0-9_-]{35}(?![A-Za-z0-9_-])/],
  ["a Google client secret", /\bGOCSPX-[A-Za-z0-9_-]{20,}/],
  ["a Google access token", /\bya29\.[A-Za-z0-9_-]{30,}/],
  ["an API key", /\bsk-(?:(?:proj|svcacct|admin|or-v1)-)?[A-Za-z0-9_-]{20,}/],
  ["a Hugging Face token", /\bhf_[A-Za-z0-9]{30,}/],
  ["an npm token", /\bnpm_[A-Za-z0-9]{36}\b/],
  ["a PyPI token", /\bpypi-AgE[A-Za-z0-9_-]{50,}/],
  ["a SendGrid key", /\bSG\.[A-Za-z0-9_-]{16,32}\.[A-Za-z0-9_-]{32,64}/],
  ["a DigitalOcean token", /\bdo[opr]_v1_[a-f0-9]{64}/],
  ["a Docker Hub token", /\bdckr_pat_[A-Za-z0-9_-]{20,}/],
  ["an Azure access key", /\bAccountKey=[A-Za-z0-9+/]{80,}={0,2}/],
  ["a bot token", /\b\d{8,10}:AA[A-Za-z0-9_-]{33}(?![A-Za-z0-9_-])/],
  ["a signed token (JWT)", /\beyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{16,}/],
];

const form = document.querySelector("form.editor");
const dialog = document.getElementById("secret-warning");
const { burn, visibility, form_id: formId } = form.elements;

// What it looks like, and its line; null: nothing.
function find(text) {
  for (const [name, pattern] of PATTERNS) {
    const at = text.search(pattern);
    if (at < 0) continue;
    let line = 1;
    for (let end = text.indexOf("\n"); end >= 0 && end < at; end = text.indexOf("\n", end + 1)) line += 1;
    return { name, line };
  }
  return null;
}

function wasAnswered() {
  try {
    return sessionStorage.getItem(WARNED) === formId.value;
  } catch {
    return isAnswered;
  }
}

let isAnswered = false;
function remember() {
  isAnswered = true;
  try {
    sessionStorage.setItem(WARNED, formId.value);
  } catch {
    // This page asks no more, at least.
  }
}

// Before the other scripts of the form, which would take it for sent.
document.addEventListener("submit", (event) => {
  if (event.target !== form || form.elements.kind.value !== "paste") return;
  if (burn.checked || visibility.value === "private" || wasAnswered()) return;
  const found = find(form.editing.text());
  if (!found) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  dialog.querySelector("[data-line]").textContent = found.line;
  dialog.querySelector("[data-kind]").textContent = found.name;
  dialog.returnValue = "";
  dialog.showModal();
}, { capture: true });

dialog.addEventListener("close", () => {
  const answer = dialog.returnValue;
  if (!["burn", "private", "go-on"].includes(answer)) return form.elements.text.focus();
  if (answer === "burn") burn.checked = true;
  else if (answer === "private") visibility.value = "private";
  else remember();
  // What has become secret is no draft any more.
  burn.dispatchEvent(new Event("change", { bubbles: true }));
  form.requestSubmit(form.querySelector("button[type=submit]"));
});
