// Short tones, made here: there is no file to load. Browsers allow them after the first touch.
"use strict";

(() => {
  const TUNES = {
    in: [660, 880],
    out: [880, 660],
    noted: [740],
    repeated: [520],
  };
  const LONG = 0.13; // seconds of a tone
  let context = null;

  const on = () => localStorage.getItem("kiosk-sound") !== "off";

  function toggle() {
    localStorage.setItem("kiosk-sound", on() ? "off" : "on");
  }

  function wake() {
    context ??= new AudioContext();
    if (context.state === "suspended") context.resume();
  }

  function play(tune) {
    if (!on() || context?.state !== "running") return;
    TUNES[tune].forEach((pitch, place) => {
      const tone = context.createOscillator();
      const level = context.createGain();
      const start = context.currentTime + place * LONG;
      tone.frequency.value = pitch;
      level.gain.setValueAtTime(0.0001, start);
      level.gain.exponentialRampToValueAtTime(0.25, start + 0.02);
      level.gain.exponentialRampToValueAtTime(0.0001, start + LONG);
      tone.connect(level).connect(context.destination);
      tone.start(start);
      tone.stop(start + LONG);
    });
  }

  document.addEventListener("pointerdown", wake);
  document.addEventListener("keydown", wake);
  window.kiosk.sound = { play, on, toggle };
})();
