// A camera's page: the stream is opened while its worker says that it watches, and again when it broke off.
"use strict";

(() => {
  const PAUSE = 2000; // milliseconds between two questions how it goes
  const page = document.getElementById("watch");
  const picture = document.getElementById("picture");
  const note = document.getElementById("note");
  const figures = document.getElementById("figures");
  let open = false;

  function close(text) {
    open = false;
    picture.removeAttribute("src");
    picture.hidden = true;
    note.hidden = false;
    note.textContent = text;
  }

  function show() {
    open = true;
    picture.src = `${page.dataset.stream}?${Date.now()}`;
  }

  picture.addEventListener("load", () => {
    picture.hidden = false;
    note.hidden = true;
  });
  picture.addEventListener("error", () => open && close("The stream broke off. It is opened again."));

  function tell({ state, enabled }) {
    if (!enabled) return close("This camera is switched off.");
    if (!state) return close("No worker watches this camera at present.");
    if (state.trouble) return close(state.trouble);
    if (!open) show();
    figures.textContent = `${state.fps} frames a second, known after ${state.delay_ms} ms, ${state.faces} faces followed`;
  }

  async function ask() {
    try {
      const answer = await fetch(page.dataset.state, { headers: { Accept: "application/json" } });
      if (answer.ok) tell(await answer.json());
      else close("You are not signed in any more.");
    } catch {
      close("The site cannot be reached.");
    }
    setTimeout(ask, PAUSE);
  }

  window.addEventListener("pagehide", () => close(""));
  ask();
})();
