// The kiosk: looks when somebody moves, asks the server who it is, keeps pictures while there is no connection.
"use strict";

(() => {
  const { words, store, sound, server, faces, check, Motion, Camera } = window.kiosk;
  const { say } = words;

  // Milliseconds. Tests may shorten them by the address: /kiosk/?saver=2000
  const asked = new URLSearchParams(location.search);
  const wait = (name, usual) => Number(asked.get(name)) || usual;
  const LOOK = 150; // between two looks for motion
  const HOLD = wait("hold", 4000); // how long somebody is taken to be there after the last motion
  const SAVER = wait("saver", 60000); // without motion until the screen saver
  const PACE = { unknown: 700, known: 1500, repeated: 2500, nobody: 600, nobodyForLong: 2000 };
  const EMPTY = 8; // so many pictures without a face, and it is asked less often
  const STRANGE = 3; // so many without recognising anybody, and it is said
  const KEEP = wait("keep", 2000); // between two pictures that are kept without a connection
  const RESENT = 3; // so often is the token of a passed check sent when no answer comes
  const PROBE = wait("probe", 4000); // between two attempts to reach the server

  const find = (id) => document.getElementById(id);
  const body = document.body;
  const video = find("video");
  const camera = new Camera(video);
  const motion = new Motion();

  let about = JSON.parse(localStorage.getItem("kiosk-about") ?? "null"); // as the server told last
  let online = true;
  let busy = false; // a picture is on its way
  let draining = false;
  let kept = 0;
  let moved = 0; // when somebody moved last
  let next = 0; // when the next picture may be sent
  let taken = 0; // when the last one was kept
  let empty = 0;
  let strange = 0;
  let probing = null;
  let wakeLock = null;

  // Whether people have to show that they are there in person: then nobody is recognised unless the button was pressed.
  const demanded = () => about?.liveness === "challenge";

  // state: starting, pairing, trouble or live
  function show(state) {
    body.dataset.state = state;
    if (state !== "live") check.stop();
    find("pairing").hidden = state !== "pairing";
    find("trouble").hidden = state !== "trouble";
    if (state !== "live") faces.clear();
    write();
  }

  function write() {
    words.write();
    find("language").textContent = say("other");
    find("language").lang = document.documentElement.lang === "en" ? "vi" : "en";
    find("sound").textContent = say(sound.on() ? "sound_on" : "sound_off");
    find("theme").textContent = say(`theme_${theme()}`);
    find("name").textContent = about?.name ?? "";
    find("place").textContent = about?.place ?? "";
    find("menu-state").textContent = say("state", { name: about?.name ?? "", count: kept });
    find("keep").hidden = body.dataset.state !== "live" || online || demanded();
    find("check").textContent = say(check.running ? "stop" : checkWord());
    find("check").hidden = body.dataset.state !== "live" || !online || !demanded();
    body.dataset.demanded = String(demanded());
    body.dataset.online = String(online);
    body.dataset.kept = String(kept);
    const line = online ? (kept ? say("sending", { count: kept }) : "") : offlineLine();
    find("line").hidden = !line;
    find("line-text").textContent = line;
    clock();
  }

  const offlineLine = () => (demanded() ? say("offline_check") : `${say("offline")} ${say("waiting", { count: kept })}`);

  function clock() {
    const now = words.time(new Date(), about?.time_zone);
    find("clock").textContent = now;
    find("saver-clock").textContent = now;
  }

  // --- Pairing ---------------------------------------------------------------------------------------------

  function remember(json) {
    about = json;
    localStorage.setItem("kiosk-about", JSON.stringify(json));
  }

  function unpaired() {
    about = null;
    localStorage.removeItem("kiosk-about");
    camera.close();
    find("pair-wrong").textContent = kept ? say("pair_again") : "";
    show("pairing");
    find("code").focus();
  }

  async function pair(event) {
    event.preventDefault();
    const wrong = find("pair-wrong");
    wrong.textContent = say("pairing");
    const answer = await server.pair(find("code").value);
    if (answer.json) {
      remember(answer.json);
      find("code").value = "";
      wrong.textContent = "";
      await live();
    } else {
      wrong.textContent = answer.refused ?? say("no_answer");
    }
  }

  // --- Camera ----------------------------------------------------------------------------------------------

  async function live() {
    show("starting");
    faces.tell(say("starting"));
    try {
      await camera.open(() => trouble("busy"));
    } catch (error) {
      return trouble(error.message);
    }
    motion.forget();
    moved = Date.now();
    show("live");
    stayAwake();
    drain();
  }

  function trouble(word) {
    camera.close();
    find("trouble-text").textContent = say(word);
    show("trouble");
  }

  async function stayAwake() {
    try {
      wakeLock = (await navigator.wakeLock?.request("screen")) ?? null;
    } catch {
      wakeLock = null; // as on low battery; the screen saver is dark anyway
    }
  }

  // --- Looking ---------------------------------------------------------------------------------------------

  function look() {
    if (body.dataset.state !== "live" || document.hidden || !camera.live) return;
    const now = Date.now();
    if (motion.moved(video)) {
      if (now - moved > HOLD) forget();
      moved = now;
    }
    find("saver").hidden = now - moved < SAVER;
    const somebody = now - moved < HOLD;
    body.dataset.somebody = String(somebody);
    if (demanded()) {
      if (!somebody && !check.running) faces.tell("");
    } else if (!somebody) {
      faces.clear();
      faces.tell("");
    } else if (!online) {
      faces.clear();
      if (now - taken > KEEP) keep(false);
    } else if (!busy && now >= next) {
      send();
    }
  }

  function forget() {
    empty = 0;
    strange = 0;
    next = 0;
    if (!check.running) faces.tell(demanded() ? "" : say(lookWord()));
  }

  const number = () => crypto.randomUUID();

  async function send() {
    busy = true;
    try {
      const shot = await camera.take();
      if (!shot) return;
      const one = { id: number(), at: Date.now(), wished: false, picture: shot.picture };
      const answer = await server.read(one);
      if (answer.json) hear(answer.json, shot);
      else if (answer.unpaired) unpaired();
      else if (answer.refused) refused(answer);
      else if (answer.busy) next = Date.now() + 1000 * Math.max(1, answer.lost);
      else await offline(one);
    } finally {
      busy = false;
    }
  }

  function hear(json, shot) {
    if (body.dataset.state !== "live") return;
    if (shot) faces.draw(json.faces, shot, video.classList.contains("mirrored"));
    const known = json.faces.filter((face) => face.person && face.attendance);
    const fresh = known.filter((face) => !face.attendance.repeated);
    for (const face of known) faces.greet(face.person, face.attendance, about?.time_zone);
    if (fresh.length) sound.play(fresh[0].attendance.kind);
    empty = json.faces.length ? 0 : empty + 1;
    strange = known.length || !json.faces.length ? 0 : strange + 1;
    faces.tell(advice(json, known));
    next = Date.now() + pace(json, known, fresh);
  }

  function advice(json, known) {
    if (known.length) return "";
    if (!json.faces.length) return json.reason === "too_dark" ? say("hint_too_dark") : say(lookWord());
    const [first] = json.faces;
    if (first.decision === "rejected") return say(`hint_${first.reason}`);
    if (strange < STRANGE) return "";
    return say(first.reason === "ambiguous" ? "hint_ambiguous" : "hint_unknown");
  }

  const directed = (word) => (about?.direction === "in" || about?.direction === "out" ? `${word}_${about.direction}` : word);
  const lookWord = () => directed("look");
  const checkWord = () => directed("check");

  function pace(json, known, fresh) {
    if (!json.faces.length) return empty > EMPTY ? PACE.nobodyForLong : PACE.nobody;
    if (known.length < json.faces.length) return strange > 2 * STRANGE ? PACE.nobodyForLong : PACE.unknown;
    return fresh.length ? PACE.known : PACE.repeated;
  }

  // --- In person -------------------------------------------------------------------------------------------

  async function checkIn() {
    if (check.running) return check.stop();
    if (busy || !online || !camera.live) return;
    busy = true;
    moved = Date.now();
    faces.tell("");
    const awake = setInterval(() => (moved = Date.now()), LOOK); // no screen saver meanwhile
    const checking = check.run(video, body.dataset.liveness);
    write();
    try {
      const found = await checking;
      if (found.token) await sendToken(found.token);
      else if (found.answer?.status === 401) unpaired();
      else if (found.offline) await lost();
      else if (!found.stopped) faces.tell(found.reason ? say(`failed_${found.reason}`) : (found.message ?? say("no_answer")));
    } finally {
      clearInterval(awake);
      busy = false;
      write();
    }
  }

  // The picture is the server's, which has it for a minute; the number makes sure that it counts once.
  async function sendToken(token) {
    const one = { id: number(), at: Date.now(), token };
    for (let times = 1; ; times += 1) {
      const answer = await server.read(one);
      if (answer.json) {
        strange = STRANGE; // there is one picture only, so it is said at once
        return hear(answer.json, null);
      }
      if (answer.unpaired) return unpaired();
      if (answer.refused) return refused(answer);
      if (times === RESENT) return lost();
      await new Promise((resolve) => setTimeout(resolve, 1000 * Math.max(1, answer.lost)));
    }
  }

  async function lost() {
    online = false;
    write();
    await probe();
    if (online) faces.tell(say("no_answer"));
  }

  function refused(answer) {
    if (answer.code === "liveness_required") probe(); // the kiosk was set otherwise meanwhile
    const live = answer.code === "not_live";
    faces.tell(live ? say("hint_not_live") : say("refused", { why: answer.refused }));
    next = Date.now() + (live ? PACE.known : 5000);
  }

  // --- Without a connection --------------------------------------------------------------------------------

  async function offline(one) {
    online = false;
    taken = Date.now();
    await put(one);
    write();
    clearTimeout(probing);
    probing = setTimeout(probe, PROBE);
  }

  async function put(one) {
    const done = await store.add(one).catch(() => false);
    kept = await store.count().catch(() => kept);
    if (!done) faces.tell(say("full_store"));
    write();
    return done;
  }

  async function keep(wished) {
    taken = Date.now();
    const shot = await camera.take();
    if (!shot) return;
    const one = { id: number(), at: Date.now(), wished, picture: shot.picture };
    if ((await put(one)) && wished) {
      sound.play("noted");
      faces.note("kept", say("keep"), say("kept", { time: words.time(new Date(one.at), about?.time_zone) }), "noted");
    }
  }

  async function probe() {
    clearTimeout(probing);
    const answer = await server.status();
    if (answer.json) {
      remember(answer.json);
      online = true;
      next = 0;
      write();
      drain();
    } else if (answer.unpaired) {
      unpaired();
    } else {
      probing = setTimeout(probe, Math.max(PROBE, 1000 * (answer.lost ?? 0)));
    }
  }

  // Send what was kept, the oldest first. A picture goes from the tablet only when the server has answered it.
  async function drain() {
    if (draining) return;
    draining = true;
    try {
      for (const one of await store.all()) {
        if (!online || body.dataset.state === "pairing") break;
        const answer = await server.read(one);
        if (answer.unpaired) return unpaired();
        if (!answer.json && !answer.refused) {
          if (!answer.busy) online = false;
          clearTimeout(probing);
          probing = setTimeout(probe, Math.max(PROBE, 1000 * (answer.lost ?? 0)));
          break;
        }
        for (const face of answer.json?.faces ?? []) confirm(face);
        await store.remove(one.id);
        kept = await store.count();
        write();
      }
    } finally {
      draining = false;
      kept = await store.count().catch(() => kept);
      write();
    }
  }

  function confirm(face) {
    if (!face.person || !face.attendance || face.attendance.repeated) return;
    const { kind, at } = face.attendance;
    const what = say(kind, { time: words.time(new Date(at), about?.time_zone) });
    faces.note(`${face.person.external_id} ${at}`, face.person.name, say("later", { name: face.person.name, what }), kind);
  }

  // --- Settings --------------------------------------------------------------------------------------------

  const THEMES = ["auto", "dark", "light"];
  const theme = () => localStorage.getItem("kiosk-theme") ?? "auto";

  function paint() {
    document.documentElement.dataset.theme = theme();
  }

  function listen(id, what) {
    find(id).addEventListener("click", async () => {
      await what();
      write();
    });
  }

  listen("language", () => words.change());
  listen("menu-open", () => find("menu").showModal());
  listen("sound", () => sound.toggle());
  listen("theme", () => {
    localStorage.setItem("kiosk-theme", THEMES[(THEMES.indexOf(theme()) + 1) % THEMES.length]);
    paint();
  });
  listen("full", () => (document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen?.()));
  listen("switch", () => {
    camera.turn();
    return live();
  });
  listen("unpair", async () => {
    if (!window.confirm(say("unpair_sure"))) return;
    find("menu").close();
    await server.unpair();
    unpaired();
  });
  listen("again", live);
  listen("keep", () => keep(true));
  listen("check", checkIn);
  find("pair-form").addEventListener("submit", pair);
  find("saver").addEventListener("click", () => (moved = Date.now()));
  window.addEventListener("online", () => !online && probe());
  window.addEventListener("offline", () => {
    online = false;
    probe();
    write();
  });
  window.addEventListener("pagehide", () => camera.close());
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && body.dataset.state === "live") stayAwake();
  });

  // --- Start -----------------------------------------------------------------------------------------------

  // A tablet that scanned the code has it behind the #, which no server sees. It is used when somebody says so.
  function codeOfAddress() {
    const code = decodeURIComponent(location.hash.slice(1));
    if (!code) return;
    history.replaceState(null, "", location.pathname + location.search);
    find("code").value = code;
  }

  async function start() {
    paint();
    codeOfAddress();
    kept = await store.count().catch(() => 0);
    write();
    const answer = await server.status();
    if (answer.json) remember(answer.json);
    else if (answer.unpaired || !about) return unpaired();
    else await offlineFromTheStart();
    await live();
  }

  async function offlineFromTheStart() {
    online = false;
    probing = setTimeout(probe, PROBE);
  }

  setInterval(look, LOOK);
  setInterval(clock, 5000);
  start();

  if ("serviceWorker" in navigator) {
    navigator.serviceWorker.register(body.dataset.worker).catch(() => {});
    let mine = navigator.serviceWorker.controller !== null;
    navigator.serviceWorker.addEventListener("controllerchange", () => {
      if (!mine) mine = true; // the first one changes nothing
      else waitForQuiet();
    });
  }

  // A new version of the app counts when nobody is there.
  function waitForQuiet() {
    const timer = setInterval(() => {
      if (Date.now() - moved < HOLD || busy || draining) return;
      clearInterval(timer);
      location.reload();
    }, 1000);
  }
})();
