// The camera of the face login page. Without this script the page is a plain form with a file field.
"use strict";

(() => {
  const TRIES = 3; // after so many that failed the password is offered
  const MAX_SIDE = 1280; // pixels; a larger picture is recognised no better
  const FRAME_SIDE = 640; // of the frames of a liveness challenge
  const PATIENCE = 20000; // milliseconds until an answer counts as missing

  const gettext = window.gettext ?? ((text) => text); // of the page's language, where its words arrived
  const box = document.getElementById("camera");
  const challenged = box.dataset.challenge; // its address, where the site wants to see a living person

  function otherwise(text) {
    return `${text}, ${challenged ? gettext("or sign in with your password.") : gettext("or use a photo below.")}`;
  }

  const SAY = {
    idle: gettext("Turn the camera on, then look straight into it."),
    asking: gettext("Your browser asks whether this page may use the camera. Choose “Allow”."),
    live: challenged
      ? gettext("Put your face inside the oval and press “Sign in”. You will be asked to move your head.")
      : gettext("Put your face inside the oval, then press “Sign in”."),
    sending: gettext("Looking…"),
    done: gettext("You are signed in."),
    insecure: otherwise(gettext("Browsers allow the camera on secure pages only. Open this site with https")),
    unsupported: otherwise(gettext("This browser cannot use a camera. Use another one")),
    denied: otherwise(gettext("The camera is not allowed. Allow it in the address bar of your browser and try again")),
    missing: otherwise(gettext("No camera was found. Connect one and try again")),
    busy: gettext("The camera cannot be opened; another program may be using it. Close that and try again."),
    stopped: gettext("The camera has stopped. Turn it on again."),
    empty: otherwise(gettext("The camera gave no picture. Try again")),
    offline: gettext("The site cannot be reached. Check your connection and try again."),
    failed: gettext("The site could not answer. Try again in a moment, or sign in with your password."),
    stale: gettext("This page is too old. Reload it and try again."),
    large: gettext("The picture is too large for this site. Use a smaller photo below."),
  };
  const BUTTON = {
    stop: gettext("Stop"),
    shoot: gettext("Sign in"),
    again: gettext("Try again"),
    start: gettext("Turn the camera on"),
  };
  const WORDS = {
    ask: {
      left: gettext("Turn your head to the left"),
      right: gettext("Turn your head to the right"),
      up: gettext("Lift your chin and look up"),
      down: gettext("Lower your chin and look down"),
      closer: gettext("Come closer"),
      back: gettext("Move back"),
      rest: gettext("Look straight ahead"),
    },
    hint: {
      no_face: gettext("Put your face inside the oval"),
      several_people: gettext("Only one person, please"),
      too_small: gettext("Come closer"),
      too_near: gettext("Move back a little"),
      too_turned: gettext("Look straight into the camera"),
      covered: gettext("Take off mask or sunglasses"),
      too_dark: gettext("More light, please"),
      too_bright: gettext("Too much light; turn a little away from it"),
      too_blurred: gettext("Hold still"),
    },
  };

  const video = document.getElementById("camera-video");
  const status = document.getElementById("camera-status");
  const start = document.getElementById("camera-start");
  const shoot = document.getElementById("camera-shoot");
  const upload = document.getElementById("upload");
  const form = document.getElementById("face-form");
  const offer = document.getElementById("camera-offer");
  const prompt = document.getElementById("camera-prompt");
  const speak = document.getElementById("camera-speak");
  const shine = document.getElementById("camera-glow");
  let stream = null;
  let failed = 0;
  let givenUp = false;
  let told = "";

  // state: idle, asking, live, checking (a liveness challenge), sending, done or broken (no camera).
  function show(state, text, kind = "info") {
    const on = state === "live" || state === "checking" || state === "sending" || state === "done";
    const focusLost = document.activeElement === start || document.activeElement === shoot;
    box.dataset.state = state;
    box.setAttribute("aria-busy", String(state === "asking" || state === "sending"));
    status.textContent = text;
    status.dataset.kind = kind;
    start.hidden = on;
    // Not `disabled`, which would take the focus away from who uses the keyboard.
    start.setAttribute("aria-disabled", String(state === "asking"));
    shoot.setAttribute("aria-disabled", String(state !== "live" && state !== "checking"));
    shoot.textContent = state === "checking" ? BUTTON.stop : BUTTON.shoot;
    start.textContent = state === "broken" ? BUTTON.again : BUTTON.start;
    shoot.hidden = !on;
    if (focusLost && state === "live") shoot.focus();
    if (focusLost && (state === "idle" || state === "broken")) start.focus();
  }

  function fail(text, hopeless = false) {
    close();
    show("broken", text, "error");
    start.hidden = hopeless;
    if (upload) upload.open = true;
  }

  function close() {
    givenUp = true;
    if (stream) stream.getTracks().forEach((track) => track.stop());
    stream = null;
    video.srcObject = null;
  }

  function rest(text = SAY.idle, kind = "info") {
    close();
    show("idle", text, kind);
  }

  async function open() {
    if (box.dataset.state === "asking") return;
    if (!window.isSecureContext) return fail(SAY.insecure, true);
    if (!navigator.mediaDevices?.getUserMedia) return fail(SAY.unsupported, true);
    show("asking", SAY.asking);
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: false,
        video: { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 720 } },
      });
      stream.getVideoTracks()[0].addEventListener("ended", () => fail(SAY.stopped));
      video.srcObject = stream;
      await video.play();
    } catch (error) {
      return fail(SAY[cameraShot.trouble(error)]);
    }
    if (document.hidden) return rest(); // opened in a tab behind others
    show("live", SAY.live);
  }

  // What the preview shows, unmirrored: people beside it, whom the visitor cannot see, are not sent.
  async function frame(side = MAX_SIDE, quality = 0.92) {
    return cameraShot.jpeg(cameraShot.draw(video, side), quality);
  }

  // The words stand over the picture, are read by screen readers and, if wanted, spoken.
  function tell({ text, step, done, part = 0, parts = 0 }) {
    prompt.dataset.step = step;
    prompt.style.setProperty("--done", done);
    prompt.style.setProperty("--part", parts ? part / parts : 0);
    if (text === told) return;
    told = text;
    prompt.querySelector("span").textContent = text;
    status.textContent = text;
    if (speak.checked && window.speechSynthesis) {
      speechSynthesis.cancel();
      const words = new SpeechSynthesisUtterance(text);
      words.lang = document.documentElement.lang;
      speechSynthesis.speak(words);
    }
  }

  function glow(colour) {
    shine.dataset.colour = colour;
  }

  async function check() {
    givenUp = false;
    told = "";
    show("checking", SAY.sending);
    const headers = { "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
    const take = () => frame(FRAME_SIDE, 0.85);
    const found = await window.livenessChallenge.run({
      start: challenged, headers, take, tell, glow, stopped: () => givenUp, words: WORDS,
    });
    if (found.token) {
      const body = new FormData(form);
      body.set("token", found.token);
      show("sending", SAY.sending);
      return submit(body);
    }
    if (found.stopped) return stream && show("live", SAY.live);
    if (found.offline) return again(SAY.offline);
    again(found.message ?? refusal(found.answer));
  }

  async function send() {
    if (box.dataset.state === "checking") return void (givenUp = true);
    if (box.dataset.state !== "live") return;
    if (challenged) return check();
    show("sending", SAY.sending);
    video.pause(); // the visitor sees the picture that is being looked at
    const picture = await frame().catch(() => null);
    if (!picture) return again(SAY.empty);
    const body = new FormData(form); // with the CSRF token and where to go next
    body.set("photo", picture, "camera.jpg");
    return submit(body);
  }

  async function submit(body) {
    let answer;
    try {
      answer = await fetch(form.action, {
        method: "POST",
        body,
        headers: { Accept: "application/json" },
        signal: AbortSignal.timeout(PATIENCE),
      });
    } catch {
      return again(SAY.offline);
    }
    const json = await answer.json().catch(() => null);
    if (answer.ok && json?.location) {
      show("done", SAY.done, "good");
      close();
      window.location.assign(json.location);
    } else {
      again(json?.message ?? refusal(answer));
    }
  }

  // An answer without words of the site: from a proxy, or a page for people.
  function refusal(answer) {
    switch (answer.status) {
      case 403:
        return SAY.stale;
      case 413:
        return SAY.large;
      case 429:
        return waiting(answer);
      default:
        return SAY.failed;
    }
  }

  // Retry-After is in seconds; where it is missing or a date, a minute is a fair guess.
  function waiting(answer) {
    const minutes = Math.ceil(Number(answer.headers.get("Retry-After")) / 60);
    if (!(minutes > 1)) return gettext("Too many attempts. Wait a minute, or sign in with your password.");
    return gettext("Too many attempts. Wait %s minutes, or sign in with your password.").replace("%s", minutes);
  }

  function again(text) {
    failed += 1;
    offer.hidden = failed < TRIES;
    if (!stream) return; // the camera went meanwhile, and the page says so already
    if (document.hidden) return rest(text, "error");
    video.play();
    show("live", text, "error");
  }

  start.addEventListener("click", open);
  shoot.addEventListener("click", send);
  document.addEventListener("visibilitychange", () => {
    if (document.hidden && (box.dataset.state === "live" || box.dataset.state === "checking")) rest();
  });
  window.addEventListener("pagehide", close);
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) show("idle", SAY.idle);
  });

  box.hidden = false;
  if (upload) upload.open = form.querySelector(".error, .errorlist") !== null;
  if (!window.isSecureContext) {
    fail(SAY.insecure, true);
  } else {
    show("idle", SAY.idle);
    // Who has allowed the camera before is not asked again.
    navigator.permissions
      ?.query({ name: "camera" })
      .then((permission) => permission.state === "granted" && !upload?.open && open())
      .catch(() => {});
  }
})();
