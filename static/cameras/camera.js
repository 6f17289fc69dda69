// A camera's page: the stream is opened while its worker says that it watches, and again when it broke off.
"use strict";

(() => {
  const gettext = window.gettext ?? ((text) => text); // of the page's language, where its words arrived
  const PAUSE = 2000; // milliseconds between two questions how it goes
  const HEAD = /^\s*--\w+\r\n[^]*?Content-Length: (\d+)\r\n\r\n/; // a JPEG's bytes follow
  const TEXT = new TextDecoder("latin1");
  const page = document.getElementById("watch");
  const picture = document.getElementById("picture");
  const note = document.getElementById("note");
  const figures = document.getElementById("figures");
  let leave = null; // ends the stream that is read at present

  function close(text) {
    leave?.abort();
    leave = null;
    picture.hidden = true;
    note.hidden = false;
    note.textContent = text;
  }

  // Read by hand: an <img> of motion JPEG is not told when its stream ends, and would stand still for ever.
  async function show() {
    const own = (leave = new AbortController());
    try {
      const answer = await fetch(page.dataset.stream, { signal: own.signal });
      if (!answer.ok) throw new Error(answer.status === 503 ? gettext("Too many look on at present.") : "");
      await read(answer.body.getReader());
      throw new Error();
    } catch (error) {
      if (leave === own) close(error.message && error.name === "Error" ? error.message : gettext("The stream broke off. It is opened again."));
    }
  }

  // Parts of a head, which says the length, and a JPEG.
  async function read(reader) {
    let bytes = new Uint8Array();
    for (;;) {
      const head = HEAD.exec(TEXT.decode(bytes.subarray(0, 200)));
      const start = head ? head[0].length : 0;
      const end = start + (head ? Number(head[1]) : Infinity);
      if (end <= bytes.length) {
        draw(bytes.slice(start, end));
        bytes = bytes.slice(end);
        continue;
      }
      const { done, value } = await reader.read();
      if (done) return;
      const more = new Uint8Array(bytes.length + value.length);
      more.set(bytes);
      more.set(value, bytes.length);
      bytes = more;
    }
  }

  function draw(jpeg) {
    const before = picture.src;
    picture.src = URL.createObjectURL(new Blob([jpeg], { type: "image/jpeg" }));
    URL.revokeObjectURL(before);
  }

  picture.addEventListener("load", () => {
    if (!leave) return;
    picture.hidden = false;
    note.hidden = true;
  });

  function tell({ state, enabled }) {
    if (!enabled) return close(gettext("This camera is switched off."));
    if (!state) return close(gettext("No worker watches this camera at present."));
    if (state.trouble) return close(state.trouble);
    if (!leave) show();
    figures.textContent = gettext("{frames} frames a second, known after {delay} ms, {faces} faces followed")
      .replace("{frames}", state.fps).replace("{delay}", state.delay_ms).replace("{faces}", state.faces);
  }

  async function ask() {
    try {
      const answer = await fetch(page.dataset.state, { headers: { Accept: "application/json" } });
      if (answer.ok) tell(await answer.json());
      else close(gettext("You are not signed in any more."));
    } catch {
      close(gettext("The site cannot be reached."));
    }
    setTimeout(ask, PAUSE);
  }

  window.addEventListener("pagehide", () => close(""));
  ask();
})();
