// The enrolment station: photos of one person from the camera, as one more way to fill a drop zone. The site looks at
// small frames and says what to do; when the face is good and differs from the photos before, one is taken.
"use strict";

(() => {
  if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) return;

  const FRAME_SIDE = 640; // pixels, of the frames that are looked at
  const PHOTO_SIDE = 1600; // of the photos that are kept
  const PAUSE = 150; // milliseconds between frames
  const LATER = 1500; // after the site could not look
  const COUNT = 500; // milliseconds that a number stands
  const FIRST = 3; // numbers before the first photo
  const NEXT = 1; // and before the others
  const ASIDE = 10; // degrees from which a head counts as turned
  const NEARER = 1.2; // how much larger or smaller a face has to be to count as another distance
  const SAME = 6; // mean difference in greys up to which two faces are the same shot
  const CELLS = 16;

  const gettext = window.gettext ?? ((text) => text); // of the page's language, where its words arrived
  const numbered = (text, number) => text.replace("%s", number);

  const SAY = {
    asking: gettext("Your browser may ask whether this page may use the camera."),
    denied: gettext("The camera is not allowed. Allow it in the address bar of your browser."),
    missing: gettext("No camera was found. Connect one and try again."),
    busy: gettext("The camera cannot be opened; perhaps another program uses it."),
    stopped: gettext("The camera has stopped. Connect it and take a photo again."),
    resting: gettext("The camera is off, because the page was not in view."),
    empty: gettext("The camera gave no picture. Try again."),
    same: gettext("That would be nearly the same photo again. Move a little first."),
    offline: gettext("The site cannot be reached. Photos can still be taken; they are looked at later."),
    stale: gettext("You are signed out, or this page is too old. Reload it and try again."),
    enough: gettext("These are enough. Use the photos, or take further ones."),
    saveable: gettext("These are enough. Save the photos, or take further ones."),
  };

  // What makes a small set varied. `shot` is what the site saw, `first` the same of the photo that looks straight.
  const POSES = [
    { name: "straight", ask: gettext("Look straight into the camera."), fits: (shot) => Math.abs(shot.yaw) < ASIDE },
    { name: "aside", ask: gettext("Turn your head a little to one side."), fits: (shot) => Math.abs(shot.yaw) >= ASIDE },
    {
      name: "other",
      ask: gettext("Now turn it a little to the other side."),
      fits: (shot, taken) => Math.abs(shot.yaw) >= ASIDE && taken.aside && shot.yaw * taken.aside.yaw < 0,
    },
    {
      name: "distance",
      ask: gettext("Come a little closer, or go back a little."),
      fits: (shot, taken) => {
        const ratio = taken.straight ? share(shot) / share(taken.straight) : 1;
        return Math.abs(shot.yaw) < ASIDE && (ratio >= NEARER || ratio <= 1 / NEARER);
      },
    },
  ];
  const share = (shot) => shot.size / shot.width;

  document.querySelectorAll("[data-drop-zone]").forEach((zone) => {
    const open = zone.querySelector("[data-webcam]");
    const station = zone.querySelector("[data-station]");
    const part = (name) => station.querySelector(`[data-${name}]`);
    const [video, picture, outline, box] = ["video", "picture", "outline", "box"].map(part);
    const [hint, countdown, list] = ["hint", "countdown", "shots"].map(part);
    const [take, resume, use] = ["shoot", "resume", "use"].map(part);
    const say = zone.querySelector("[data-say]");
    const form = zone.closest("form");
    const token = form.querySelector("[name=csrfmiddlewaretoken]").value;
    const saves = form.dataset.save !== undefined; // with its photos the form is sent at once
    const USE = saves
      ? { one: gettext("Save the photo"), many: gettext("Save the %s photos") }
      : { one: gettext("Use the photo"), many: gettext("Use the %s photos") };
    let stream = null;
    let shots = [];
    let seen = null; // of the last frame
    let steady = 0; // since when a photo could be taken
    let asked = ""; // what the last frame asked for
    let taking = false;

    // --- the camera

    async function start() {
      open.hidden = true;
      say.textContent = SAY.asking;
      let opened = null;
      try {
        opened = await navigator.mediaDevices.getUserMedia({
          audio: false,
          video: { facingMode: "user", width: { ideal: 1280 }, height: { ideal: 720 } },
        });
        stream = opened;
        opened.getVideoTracks()[0].addEventListener("ended", () => stream === opened && halt(SAY.stopped));
        video.srcObject = opened;
        await video.play();
      } catch (error) {
        return halt(SAY[cameraShot.trouble(error)]);
      }
      if (stream !== opened) return; // it stopped meanwhile, and the page says so already
      if (document.hidden) return halt(SAY.resting);
      say.textContent = "";
      if (!station.open) station.showModal();
      show();
      hint.textContent = "";
      take.focus();
      look(opened);
    }

    function off() {
      stream?.getTracks().forEach((track) => track.stop());
      stream = null;
      video.srcObject = null;
      draw(null);
      count(0);
    }

    // The camera is gone. Photos that were taken stay.
    function halt(text) {
      off();
      if (station.open && shots.length) {
        hint.textContent = text;
        show();
        resume.focus();
      } else {
        close();
        say.textContent = text;
      }
    }

    function close() {
      off();
      shots.forEach((shot) => URL.revokeObjectURL(shot.url));
      shots = [];
      if (station.open) station.close();
      open.hidden = false;
      open.focus();
    }

    function leave() {
      const question = gettext("Discard the photos? There are %s.").replace("%s", shots.length);
      if (!shots.length || window.confirm(shots.length === 1 ? gettext("Discard the photo?") : question)) close();
    }

    // --- looking

    async function look(mine) {
      while (stream === mine) {
        let pause = PAUSE;
        try {
          const frame = video.clientHeight && video.videoWidth && cameraShot.draw(video, FRAME_SIDE);
          const answer = frame && (await ask(await cameraShot.jpeg(frame, 0.8)));
          if (stream !== mine) return;
          if (answer) await judge(answer);
        } catch (error) {
          if (stream !== mine) return;
          seen = null;
          draw(null);
          count(0);
          hint.textContent = error.message;
          if (error.message === SAY.stale) return;
          pause = LATER;
        }
        await new Promise((done) => setTimeout(done, pause));
      }
    }

    // What the site sees in a picture. Throws an Error with a sentence for people.
    async function ask(picture) {
      const body = new FormData();
      body.set("frame", picture, "frame.jpg");
      let answer;
      try {
        const headers = { Accept: "application/json", "X-CSRFToken": token };
        answer = await fetch(station.dataset.look, { method: "POST", body, headers });
      } catch {
        throw new Error(SAY.offline);
      }
      const json = await answer.json().catch(() => null);
      if (answer.ok && json) return json;
      throw new Error(json?.message ?? (answer.status >= 500 ? SAY.offline : SAY.stale));
    }

    async function judge(answer) {
      seen = answer;
      draw(answer);
      const pose = answer.fit && list ? missing().find(({ fits }) => fits(answer, taken())) : null;
      const next = missing()[0];
      suggest(!answer.fit || pose ? answer.hint : !list ? answer.hint : next ? next.ask : saves ? SAY.saveable : SAY.enough);
      if (!pose || taking) return count(0);
      steady ||= performance.now();
      const numbers = shots.length ? NEXT : FIRST;
      const left = numbers - Math.floor((performance.now() - steady) / COUNT);
      count(left);
      if (left <= 0) await shoot({ pose });
    }

    const taken = () => Object.fromEntries(shots.filter((shot) => shot.pose).map((shot) => [shot.pose, shot.seen]));
    const missing = () => POSES.filter(({ name }) => !shots.some((shot) => shot.pose === name));

    // A hint is shown when two frames agree, so that it can be read.
    function suggest(text) {
      if ((text === asked || !hint.textContent) && hint.textContent !== text) hint.textContent = text;
      asked = text;
    }

    function draw(answer) {
      box.toggleAttribute("hidden", !answer?.box);
      if (!answer?.box) return;
      const [left, top, right, bottom] = answer.box;
      const sides = { x: left, y: top, width: right - left, height: bottom - top };
      outline.setAttribute("viewBox", `0 0 ${answer.width} ${answer.height}`);
      for (const [name, value] of Object.entries(sides)) box.setAttribute(name, value);
      picture.dataset.fit = answer.fit;
    }

    function count(left) {
      if (left <= 0) steady = 0;
      countdown.textContent = left > 0 ? left : "";
    }

    // --- taking

    // pose: for which one it is taken by itself; without, somebody pressed the button and gets what there is.
    async function shoot({ pose = null } = {}) {
      if (taking || !stream) return;
      taking = true;
      try {
        await shootOnce(pose);
      } finally {
        taking = false;
      }
    }

    async function shootOnce(pose) {
      const canvas = video.videoWidth && video.clientHeight ? cameraShot.draw(video, PHOTO_SIDE) : null;
      const blob = canvas && (await cameraShot.jpeg(canvas, 0.92));
      if (!blob) return void (hint.textContent = SAY.empty);
      const print = fingerprint(canvas, seen);
      if (list && shots.some((shot) => alike(shot, { print, seen }))) {
        asked = hint.textContent = SAY.same;
        return;
      }
      const time = new Date().toTimeString().slice(0, 8).replaceAll(":", "");
      const file = new File([blob], `camera-${time}.jpg`, { type: "image/jpeg" });
      if (!list) return hand([file]);
      flash();
      const mine = stream;
      const found = await ask(blob).catch(() => null);
      if (stream !== mine) return;
      if (pose && (!found?.fit || !pose.fits(found, taken()))) return; // it moved in the last moment
      const fitting = found?.fit ? missing().find(({ fits }) => fits(found, taken()))?.name : undefined;
      shots.push({ file, print, seen: found, pose: fitting ?? null, url: URL.createObjectURL(blob) });
      const word = found?.word ?? "";
      asked = hint.textContent = numbered(gettext("Photo %s is taken."), shots.length) + (word ? ` ${word}.` : "");
      show();
      if (!missing().length && document.activeElement === take) use.focus();
    }

    // The face in a few greys, without its brightness.
    function fingerprint(canvas, answer) {
      const small = document.createElement("canvas");
      small.width = small.height = CELLS;
      const scale = answer ? canvas.width / answer.width : 1;
      const [left, top, right, bottom] = answer?.box?.map((side) => side * scale) ?? [0, 0, canvas.width, canvas.height];
      const pen = small.getContext("2d", { willReadFrequently: true });
      pen.imageSmoothingQuality = "high";
      pen.drawImage(canvas, left, top, right - left, bottom - top, 0, 0, CELLS, CELLS);
      const { data } = pen.getImageData(0, 0, CELLS, CELLS);
      const greys = Array.from({ length: CELLS * CELLS }, (_, n) => {
        const [red, green, blue] = data.subarray(4 * n, 4 * n + 3);
        return 0.3 * red + 0.59 * green + 0.11 * blue;
      });
      const mean = greys.reduce((sum, grey) => sum + grey, 0) / greys.length;
      return greys.map((grey) => grey - mean);
    }

    // Whether both show the face alike and from the same distance.
    function alike(one, other) {
      const ratio = one.seen?.size && other.seen?.size ? share(one.seen) / share(other.seen) : 1;
      const difference = one.print.reduce((sum, grey, n) => sum + Math.abs(grey - other.print[n]), 0);
      return difference / one.print.length < SAME && ratio < NEARER && ratio > 1 / NEARER;
    }

    function flash() {
      picture.classList.add("id-flash");
      setTimeout(() => picture.classList.remove("id-flash"), 250);
    }

    function hand(files) {
      close();
      zone.dispatchEvent(new CustomEvent("files", { detail: files }));
      if (saves) form.requestSubmit();
    }

    // --- what was taken

    function show() {
      take.hidden = !stream;
      resume.hidden = Boolean(stream);
      if (!list) return;
      use.setAttribute("aria-disabled", String(!shots.length));
      use.textContent = shots.length > 1 ? numbered(USE.many, shots.length) : USE.one;
      list.replaceChildren(...shots.map(thumbnail));
    }

    function thumbnail(shot, index) {
      const item = document.createElement("li");
      const image = document.createElement("img");
      const words = document.createElement("span");
      const remove = document.createElement("button");
      image.src = shot.url;
      image.alt = numbered(gettext("Photo %s"), index + 1);
      words.textContent = !shot.seen ? gettext("Not looked at yet") : shot.seen.fit ? shot.seen.word : shot.seen.hint;
      item.classList.toggle("id-bad", Boolean(shot.seen && !shot.seen.fit));
      remove.type = "button";
      remove.className = "id-link";
      remove.textContent = gettext("Remove");
      remove.setAttribute("aria-label", numbered(gettext("Remove photo %s"), index + 1));
      remove.addEventListener("click", () => {
        URL.revokeObjectURL(shot.url);
        shots = shots.filter((other) => other !== shot);
        hint.textContent = numbered(gettext("Photo %s is removed."), index + 1);
        show();
        (stream ? take : resume).focus();
      });
      item.append(image, words, remove);
      return item;
    }

    open.hidden = false;
    open.addEventListener("click", start);
    resume.addEventListener("click", start);
    take.addEventListener("click", () => shoot());
    use?.addEventListener("click", () => shots.length && hand(shots.map((shot) => shot.file)));
    part("close").addEventListener("click", leave);
    station.addEventListener("cancel", (event) => {
      event.preventDefault();
      leave();
    });
    window.addEventListener("pagehide", off);
    document.addEventListener("visibilitychange", () => {
      if (document.hidden && stream) halt(SAY.resting);
    });
  });
})();
