// Keeps the app on the tablet, so that it starts without a connection. Version {{ version }}
"use strict";

const CACHE = "kiosk-{{ version }}";
const SHELL = {{ shell|safe }};

self.addEventListener("install", (event) => {
  const all = caches.open(CACHE).then((cache) => cache.addAll(SHELL.map((file) => new Request(file, { cache: "reload" }))));
  event.waitUntil(all.then(() => self.skipWaiting()));
});

self.addEventListener("activate", (event) => {
  const others = (names) => names.filter((name) => name.startsWith("kiosk-") && name !== CACHE);
  const drop = caches.keys().then((names) => Promise.all(others(names).map((name) => caches.delete(name))));
  event.waitUntil(drop.then(() => self.clients.claim()));
});

self.addEventListener("fetch", (event) => {
  const { request } = event;
  const path = new URL(request.url).pathname;
  if (request.method !== "GET" || !SHELL.includes(path)) return;
  const kept = () => caches.open(CACHE).then((cache) => cache.match(path));
  if (request.mode === "navigate") {
    // The newest page while there is a connection; the kept one otherwise, with the files that belong to it.
    event.respondWith(fetch(request, { signal: AbortSignal.timeout(4000) }).catch(kept));
  } else {
    event.respondWith(kept().then((found) => found ?? fetch(request)));
  }
});
