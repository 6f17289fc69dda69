// The page that shows a new API key once.
"use strict";

(() => {
  const gettext = window.gettext ?? ((text) => text); // of the page's language, where its words arrived
  const page = document.querySelector("[data-issued]");
  const secret = page.querySelector("[data-secret]");
  const copy = page.querySelector("[data-copy]");

  // Loading the page again would send the form again and make a second key.
  window.history.replaceState(null, "", page.dataset.back);
  secret.addEventListener("focus", () => secret.select());
  copy.hidden = false;
  copy.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(secret.value);
      copy.textContent = gettext("Copied");
    } catch {
      secret.focus();
      copy.textContent = gettext("Press Ctrl+C");
    }
  });
})();
