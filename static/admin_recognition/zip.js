// Reads zip files in the browser: the table at first, each file when it is wanted, never more of it than is allowed.
"use strict";

window.zipFile = (() => {
  const gettext = window.gettext ?? ((text) => text); // of the page's language, where its words arrived
  const END = 0x06054b50;
  const ENTRY = 0x02014b50;
  const LOCAL = 0x04034b50;
  const TAIL = 65557; // bytes in which the end record is: 22 and the longest comment
  const TABLE = 64e6; // bytes of the largest table that is read

  const bytes = async (blob) => new DataView(await blob.arrayBuffer());

  // [{name, blob(most): Promise of a Blob}]. Throws an Error with a sentence for people.
  async function entries(file, most) {
    const tail = await bytes(file.slice(Math.max(0, file.size - TAIL)));
    let at = tail.byteLength - 22;
    while (at >= 0 && tail.getUint32(at, true) !== END) at -= 1;
    if (at < 0) throw new Error(gettext("%s is no zip file, or damaged.").replace("%s", file.name));
    const count = tail.getUint16(at + 10, true);
    const size = tail.getUint32(at + 12, true);
    const start = tail.getUint32(at + 16, true);
    if (count === 0xffff || start === 0xffffffff || size > TABLE || count > most)
      throw new Error(gettext("%s is too large. Divide it, or choose the folder instead.").replace("%s", file.name));
    const table = await bytes(file.slice(start, start + size));
    const found = [];
    for (let place = 0; found.length < count; ) {
      if (place + 46 > table.byteLength || table.getUint32(place, true) !== ENTRY)
        throw new Error(gettext("%s is damaged.").replace("%s", file.name));
      const [flags, method] = [table.getUint16(place + 8, true), table.getUint16(place + 10, true)];
      const packed = table.getUint32(place + 20, true);
      const [named, extra, comment] = [28, 30, 32].map((offset) => table.getUint16(place + offset, true));
      const local = table.getUint32(place + 42, true);
      if (place + 46 + named > table.byteLength) throw new Error(gettext("%s is damaged.").replace("%s", file.name));
      const name = new TextDecoder().decode(new Uint8Array(table.buffer, place + 46, named));
      if (flags & 1) throw new Error(gettext("%s is locked with a password. Make one without.").replace("%s", file.name));
      found.push({ name, blob: (bound) => unpack(file, { name, method, packed, local }, bound) });
      place += 46 + named + extra + comment;
    }
    return found.filter(({ name }) => !name.endsWith("/"));
  }

  async function unpack(file, { name, method, packed, local }, bound) {
    const head = await bytes(file.slice(local, local + 30));
    if (head.byteLength < 30 || head.getUint32(0, true) !== LOCAL) throw new Error(gettext("The zip file is damaged here."));
    const start = local + 30 + head.getUint16(26, true) + head.getUint16(28, true);
    const content = file.slice(start, start + packed);
    if (method === 0) return named(content, name, bound);
    if (method !== 8) throw new Error(gettext("It is packed in a way that is not known here."));
    const reader = content.stream().pipeThrough(new DecompressionStream("deflate-raw")).getReader();
    const parts = [];
    let size = 0;
    try {
      for (let part = await reader.read(); !part.done; part = await reader.read()) {
        size += part.value.byteLength;
        if (size > bound) break;
        parts.push(part.value);
      }
    } catch {
      throw new Error(gettext("The zip file is damaged here."));
    }
    if (size > bound) await reader.cancel().catch(() => {});
    return named(new Blob(parts), name, bound, size);
  }

  function named(blob, name, bound, size = blob.size) {
    if (size > bound) throw new Error(gettext("It is too large."));
    return new File([blob], name.split("/").pop());
  }

  return { entries };
})();
