// The strip above what one has made: its links are selected as a whole, shared, and copied by Enter once it is made.

const strip = document.querySelector(".strip");

for (const field of document.querySelectorAll("[data-whole]")) {
  field.addEventListener("focus", () => field.select());
}

const share = strip.querySelector("[data-share]");
if (navigator.share) {
  share.hidden = false;
  share.addEventListener("click", async () => {
    try {
      await navigator.share({ title: strip.dataset.title, url: strip.dataset.url });
    } catch {
      // It was not shared after all.
    }
  });
}

if (location.hash === "#created") {
  document.getElementById("created").focus();
  // Out of the address bar, from which the link is copied too. Other scripts see it until then.
  addEventListener("load", () => history.replaceState(null, "", location.pathname + location.search));
}
