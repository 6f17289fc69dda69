// What the kiosk asks the server. Every answer is one of: {json}, {lost: seconds to wait}, {unpaired} or {refused}.
"use strict";

(() => {
  const PATIENCE = 12000; // milliseconds until an answer counts as missing
  const places = document.body.dataset;

  async function ask(address, options) {
    let answer;
    try {
      answer = await fetch(address, {
        ...options,
        cache: "no-store",
        headers: { "X-Kiosk": "1", Accept: "application/json", ...options.headers },
        signal: AbortSignal.timeout(PATIENCE),
      });
    } catch {
      return { lost: 0 };
    }
    const json = await answer.json().catch(() => null);
    if (answer.ok) return json === null && answer.status !== 204 ? { lost: 0 } : { json };
    if (answer.status === 401) return { unpaired: true };
    const error = json?.error;
    // Too many requests, busy, a proxy without a site behind it: later it may go well.
    if (!error || answer.status === 429 || answer.status >= 500 || error.code === "busy") {
      return { lost: Number(answer.headers.get("Retry-After")) || 0, busy: answer.status === 429 || error?.code === "overloaded" };
    }
    return { refused: error.message, code: error.code };
  }

  const status = () => ask(places.status, { method: "GET" });
  const unpair = () => ask(places.status, { method: "DELETE" });

  function pair(code) {
    const body = JSON.stringify({ code });
    return ask(places.pair, { method: "POST", body, headers: { "Content-Type": "application/json" } });
  }

  // How long ago it was taken is said, not when: the clock of a tablet may be wrong.
  function read(one) {
    const age = Math.max(0, Math.round(Date.now() - one.at));
    const body = new FormData();
    if (one.token) body.set("liveness_token", one.token);
    else body.set("image", one.picture, "kiosk.jpg");
    body.set("read", one.id);
    body.set("age_ms", String(Math.min(age, 31 * 86_400_000)));
    return ask(places.read, { method: "POST", body });
  }

  window.kiosk.server = { status, pair, unpair, read };
})();
