// The liveness challenge at a kiosk: what the person is asked to do, large over the picture, spoken where sound is on.
"use strict";

(() => {
  const SIDE = 640; // pixels of a frame
  const { words, sound } = window.kiosk;
  const STEPS = ["left", "right", "up", "down", "closer", "back", "rest"];
  const HINTS = ["no_face", "several_people", "too_small", "too_near", "too_turned", "covered", "too_dark", "too_bright", "too_blurred"];
  const prompt = document.getElementById("prompt");
  const glow = document.getElementById("glow");
  let told = "";
  let running = false;
  let stopped = false;

  const said = (names, prefix) => Object.fromEntries(names.map((name) => [name, words.say(`${prefix}_${name}`)]));

  function tell({ text, step, done, part = 0, parts = 0 }) {
    prompt.dataset.step = step;
    prompt.style.setProperty("--done", done);
    prompt.style.setProperty("--part", parts ? part / parts : 0);
    if (text === told) return;
    told = text;
    prompt.querySelector("span").textContent = text;
    if (!sound.on() || !window.speechSynthesis) return;
    const speech = new SpeechSynthesisUtterance(text);
    speech.lang = document.documentElement.lang;
    speechSynthesis.cancel();
    speechSynthesis.speak(speech);
  }

  // Answers as `livenessChallenge.run`.
  async function run(video, start) {
    running = true;
    stopped = false;
    told = "";
    prompt.hidden = false;
    try {
      return await window.livenessChallenge.run({
        start,
        headers: { "X-Kiosk": "1" },
        take: () => cameraShot.jpeg(cameraShot.draw(video, SIDE), 0.85),
        tell,
        glow: (colour) => (glow.dataset.colour = colour),
        stopped: () => stopped,
        words: { ask: said(STEPS, "ask"), hint: said(HINTS, "check") },
      });
    } finally {
      running = false;
      prompt.hidden = true;
      window.speechSynthesis?.cancel();
    }
  }

  window.kiosk.check = {
    run,
    stop: () => (stopped = true),
    get running() {
      return running;
    },
  };
})();
