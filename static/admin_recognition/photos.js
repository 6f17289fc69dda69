// The photos on a person's page: shows new ones, and asks the site until none is waiting any more.
"use strict";

(() => {
  const gettext = window.gettext ?? ((text) => text); // of the page's language, where its words arrived
  const root = document.querySelector("[data-photos]");
  const grid = root?.querySelector("[data-grid]");
  if (!grid) return;

  const SOON = 1000; // milliseconds between questions, at first
  const SELDOM = 5000; // and when nothing happens
  const STUCK = 30000; // without any change for so long, the worker may be missing
  const bar = root.querySelector("[data-progress]");
  const empty = root.querySelector("[data-empty]");
  let timer = null;
  let pause = SOON;
  let changed = Date.now();

  const unfinished = () => [...grid.querySelectorAll("[data-unfinished]")].map((card) => card.dataset.photo);

  function put({ pk, html }) {
    const template = document.createElement("template");
    template.innerHTML = html.trim();
    const card = template.content.firstElementChild;
    const old = document.getElementById(`photo-${pk}`);
    if (old) old.replaceWith(card);
    else grid.prepend(card);
  }

  const filled = (text, values) => text.replace(/\{(\w+)\}/g, (_, name) => values[name]);

  function tell(progress) {
    const { total, done, waiting } = progress;
    bar.hidden = waiting === 0;
    bar.querySelector("progress").max = total;
    bar.querySelector("progress").value = done;
    bar.querySelector("[data-progress-text]").textContent = filled(gettext("{done} of {total} photos looked at ({percent} %)"), progress);
    root.querySelector(".id-count").textContent = filled(gettext("{ready} of {total} ready"), progress);
    empty.hidden = total > 0;
  }

  function plan() {
    clearTimeout(timer);
    if (unfinished().length) timer = setTimeout(ask, pause);
  }

  async function ask() {
    let answer;
    try {
      const url = `${root.dataset.stateUrl}?pks=${unfinished().join(",")}`;
      const response = await fetch(url, { headers: { Accept: "application/json" } });
      answer = await response.json();
    } catch {
      pause = SELDOM;
      return plan();
    }
    const news = answer.cards.length + answer.gone.length > 0;
    answer.cards.forEach(put);
    answer.gone.forEach((pk) => document.getElementById(`photo-${pk}`)?.remove());
    tell(answer.progress);
    if (news) changed = Date.now();
    pause = news ? SOON : Math.min(SELDOM, pause * 1.3);
    bar.querySelector("[data-stuck]").hidden = Date.now() - changed < STUCK;
    if (!unfinished().length) await renewNeighbours();
    plan();
  }

  // New photos change who is similar.
  async function renewNeighbours() {
    const here = document.querySelector("[data-neighbours]");
    try {
      const response = await fetch(window.location.pathname);
      const page = new DOMParser().parseFromString(await response.text(), "text/html");
      const there = page.querySelector("[data-neighbours]");
      if (here && there) here.replaceWith(document.adoptNode(there));
    } catch {
      // The old list stays until the page is loaded again.
    }
  }

  document.addEventListener("photos-added", ({ detail }) => {
    detail.cards.forEach(put);
    tell(detail.progress);
    changed = Date.now();
    pause = SOON;
    plan();
  });

  // A box in the picture is a button as well.
  grid.addEventListener("click", (event) => {
    const face = event.target.closest("[data-face]")?.dataset.face;
    if (face === undefined) return;
    event.target.closest("[data-photo]").querySelector(`.id-faces button[value="${face}"]`)?.click();
  });

  grid.addEventListener("submit", (event) => {
    const question = event.target.dataset.confirm;
    if (question && !window.confirm(question)) event.preventDefault();
  });

  plan();
})();
