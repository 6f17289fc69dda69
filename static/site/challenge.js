// A liveness challenge: sends frames of a camera and passes on what the site asks of the person.
"use strict";

window.livenessChallenge = (() => {
  const PATIENCE = 15000; // milliseconds until an answer counts as missing
  const SETTLING = 150; // milliseconds after a change of colour in which a frame may show either

  const rest = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

  // start: address that begins a challenge; frames go below it. headers: for every request. take: answers a JPEG blob.
  // words: {ask, hint} in the language of the page. tell({text, step, done}): what the person should read now. glow(colour): what the page should shine with, "" for nothing.
  // stopped(): whether the person gave up. Answers {token}, {message, wait} or {stopped: true}.
  async function run({ start, headers, take, tell, glow, stopped, words }) {
    const challenge = await post(start, new FormData(), headers);
    if (!challenge.ok) return challenge.refused;
    const { id, frames_a_second: rate, colours, colour_ms: length } = challenge.json;
    let nonce = challenge.json.nonce;
    let frames = [];
    let over = false;
    const begun = performance.now();
    tell({ text: words.ask.rest, step: "", done: 0 });

    const camera = (async () => {
      for (let next = begun; !over && !stopped(); ) {
        const now = performance.now();
        const number = Math.floor((now - begun) / length);
        const settled = (now - begun) % length > SETTLING;
        if (colours.length) glow(colours[number % colours.length]);
        const picture = await take().catch(() => null);
        if (picture) frames.push({ picture, at: now, shown: colours.length && settled ? number : -1 });
        if (frames.length > 20) frames.shift(); // the network is slow: late frames help nobody
        next = Math.max(next + 1000 / rate, performance.now());
        await rest(next - performance.now());
      }
    })();

    try {
      while (!stopped()) {
        if (frames.length < 2) {
          await rest(30);
          continue;
        }
        const sent = frames;
        frames = [];
        const body = new FormData();
        body.set("nonce", nonce);
        for (const { picture, at, shown } of sent) {
          body.append("frame", picture, "frame.jpg");
          body.append("at", at.toFixed(1));
          body.append("shown", String(shown));
        }
        const answer = await post(`${start}${id}/`, body, headers);
        if (!answer.ok) return answer.refused;
        const said = answer.json;
        if (said.token) return { token: said.token };
        if (said.state === "failed") return { message: said.message, reason: said.reason };
        nonce = said.nonce;
        tell(told(said, words));
      }
      return { stopped: true };
    } finally {
      over = true;
      await camera;
      glow("");
    }
  }

  function told(said, { ask, hint }) {
    const wish = said.hint && (hint[said.hint] ?? ask.rest);
    if (wish && said.phase === "settle") return { text: wish, step: "", done: 0 };
    if (wish) return { text: wish, step: said.asked, done: said.done };
    return { text: ask[said.asked] ?? ask.rest, step: said.asked, done: said.done, part: said.step, parts: said.steps };
  }

  async function post(address, body, headers) {
    let answer;
    try {
      const signal = AbortSignal.timeout(PATIENCE);
      answer = await fetch(address, { method: "POST", body, headers: { Accept: "application/json", ...headers }, signal });
    } catch {
      return { ok: false, refused: { offline: true } };
    }
    const json = await answer.json().catch(() => null);
    if (answer.ok && json) return { ok: true, json };
    return { ok: false, refused: { message: json?.message ?? json?.error?.message, answer } };
  }

  return { run };
})();
