// What people see of themselves: names over the boxes, a card for each attendance, one hint at a time.
"use strict";

(() => {
  const CARD = 7000; // milliseconds that a card stays
  const MOST_CARDS = 4;
  const { say, time, hour } = window.kiosk.words;
  const list = document.getElementById("faces");
  const cards = document.getElementById("cards");
  const hint = document.getElementById("hint");

  // Boxes are in pixels of the picture that was sent, which is what the stage shows.
  function draw(faces, picture, mirrored) {
    const nodes = faces.map((face) => {
      const [left, top, right, bottom] = face.box;
      const node = document.createElement("li");
      const start = mirrored ? picture.width - right : left;
      node.style.left = `${(100 * start) / picture.width}%`;
      node.style.top = `${(100 * top) / picture.height}%`;
      node.style.width = `${(100 * (right - left)) / picture.width}%`;
      node.style.height = `${(100 * (bottom - top)) / picture.height}%`;
      node.dataset.decision = face.decision;
      const name = document.createElement("span");
      name.textContent = face.person?.name ?? (face.decision === "no_match" ? say("unknown") : "");
      node.append(name);
      return node;
    });
    list.replaceChildren(...nodes);
  }

  function greeting(name, kind, at, zone) {
    if (kind === "out") return say("bye", { name });
    const now = hour(at, zone);
    return say(now < 12 ? "morning" : now < 18 ? "afternoon" : "evening", { name });
  }

  // person: of the server's answer. attendance: its kind, time, and whether it was there before.
  function greet(person, attendance, zone) {
    const at = new Date(attendance.at);
    const said = { time: time(at, zone) };
    const what = say(attendance.repeated ? `${attendance.kind}_before` : attendance.kind, said);
    show(person.external_id, greeting(person.name, attendance.kind, at, zone), what, attendance.repeated ? "repeated" : attendance.kind);
  }

  function note(key, title, text, kind) {
    show(key, title, text, kind);
  }

  function show(key, title, text, kind) {
    let card = [...cards.children].find((one) => one.dataset.key === key);
    const same = card && card.dataset.line === text;
    if (!card) {
      card = document.createElement("div");
      card.className = "card";
      card.dataset.key = key;
      cards.append(card);
    }
    if (!same) {
      const strong = document.createElement("strong");
      const line = document.createElement("span");
      strong.textContent = title;
      line.textContent = text;
      card.replaceChildren(strong, line);
      card.dataset.line = text;
      card.dataset.kind = kind;
    }
    clearTimeout(card.timer);
    card.timer = setTimeout(() => card.remove(), CARD);
    while (cards.children.length > MOST_CARDS) cards.firstElementChild.remove();
  }

  function tell(text) {
    if (hint.textContent !== text) hint.textContent = text;
  }

  function clear() {
    list.replaceChildren();
  }

  window.kiosk.faces = { draw, greet, note, tell, clear };
})();
