// Pictures that wait for a connection, kept on the tablet across restarts. Bounded: what is full says so.
"use strict";

(() => {
  const MOST = 400; // pictures
  const MOST_BYTES = 60e6;
  const NAME = "kiosk";
  let opening = null;

  function open() {
    opening ??= new Promise((resolve, reject) => {
      const request = indexedDB.open(NAME, 1);
      request.onupgradeneeded = () => request.result.createObjectStore("reads", { keyPath: "id" });
      request.onsuccess = () => resolve(request.result);
      request.onerror = () => reject(request.error);
    });
    return opening;
  }

  async function within(mode, work) {
    const database = await open();
    return new Promise((resolve, reject) => {
      const transaction = database.transaction("reads", mode, { durability: "strict" });
      let result;
      work(transaction.objectStore("reads"), (value) => (result = value));
      transaction.oncomplete = () => resolve(result);
      transaction.onabort = () => reject(transaction.error);
    });
  }

  // Oldest first. A picture is {id, at, wished, picture}: its number, when it was taken (milliseconds since 1970 by the
  // tablet's clock), whether somebody pressed the button for it, and the JPEG.
  async function all() {
    const found = await within("readonly", (reads, give) => {
      const request = reads.getAll();
      request.onsuccess = () => give(request.result);
    });
    return found.sort((a, b) => a.at - b.at);
  }

  // Of the pictures that nobody wished for, the one that is nearest to the one before it: the least is lost with it.
  function leastMissed(reads) {
    let least = null;
    let nearest = Infinity;
    reads.forEach((read, place) => {
      if (read.wished) return;
      const gap = place ? read.at - reads[place - 1].at : Infinity;
      if (gap < nearest || least === null) {
        nearest = gap;
        least = read;
      }
    });
    return least;
  }

  // False when there is no room, not even by giving up pictures that were taken without being asked for.
  async function add(read) {
    const reads = await all();
    const full = () =>
      reads.length >= MOST || reads.reduce((sum, one) => sum + one.picture.size, read.picture.size) > MOST_BYTES;
    while (full()) {
      const victim = leastMissed(reads);
      if (!victim) return false;
      await remove(victim.id);
      reads.splice(reads.indexOf(victim), 1);
    }
    try {
      await within("readwrite", (store) => store.put(read));
    } catch {
      return false; // the device has no room
    }
    return true;
  }

  const remove = (id) => within("readwrite", (reads) => reads.delete(id));

  const count = () =>
    within("readonly", (reads, give) => {
      const request = reads.count();
      request.onsuccess = () => give(request.result);
    });

  window.kiosk.store = { add, all, remove, count, MOST, MOST_BYTES };
})();
