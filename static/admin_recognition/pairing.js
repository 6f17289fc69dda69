// The page that shows a pairing code: says when a tablet has taken it, and when its time is over.
"use strict";

(() => {
  const gettext = window.gettext ?? ((text) => text); // of the page's language, where its words arrived
  const page = document.querySelector("[data-pairing]");
  const say = page.querySelector("[data-say]");
  const until = Date.now() + Number(page.dataset.minutes) * 60_000;

  // Loading the page again would send the form again and make another code.
  window.history.replaceState(null, "", page.dataset.back);

  async function ask() {
    if (Date.now() > until) {
      say.textContent = gettext("The time of this code is over. Pair a tablet again for a new one.");
      page.querySelector("[data-code]").textContent = "––––-––––";
      return;
    }
    try {
      const answer = await fetch(page.dataset.state, { headers: { Accept: "application/json" } });
      if (answer.ok && (await answer.json()).paired) {
        say.textContent = gettext("The tablet is paired.");
        page.querySelector("[data-done]").classList.add("id-primary");
        return;
      }
    } catch {
      // asked again in a moment
    }
    setTimeout(ask, 2000);
  }

  setTimeout(ask, 2000);
})();
