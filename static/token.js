// The manage link carries its token after "#": take it into the form and out of the address bar.

const token = location.hash.slice(1);

if (token) {
  // Out of the address bar it is out of the history, of screenshots and of addresses copied from there.
  history.replaceState(null, "", location.pathname + location.search);
  const field = document.getElementById("token");
  if (field) {
    field.value = token;
    field.form.querySelector("button[type=submit]").focus();
  }
}
