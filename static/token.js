// The manage link carries its token after "#": take it into the form and out of the address bar.

const token = location.hash.slice(1);

// The id of a part of the page is shorter.
if (token.length > 20) {
  // Out of the address bar it is out of the history, of screenshots and of addresses copied from there.
  history.replaceState(null, "", location.pathname + location.search);
  const field = document.getElementById("token");
  if (field) {
    field.value = token;
    field.form.querySelector("button[type=submit]").focus();
  }
}
