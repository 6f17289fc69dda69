// Enrolling many people: what is in a folder, a zip or a CSV with photos is shown, then sent photo by photo. Handing in
// the same again goes on where it stopped, because photos that the site has are not sent.
"use strict";

(() => {
  const gettext = window.gettext ?? ((text) => text); // of the page's language, where its words arrived
  const root = document.querySelector("[data-many]");
  if (!root) return;

  const AT_ONCE = 3; // photos on their way
  const SOON = 1500; // milliseconds between questions about photos
  const AGAIN = 3000; // after the site could not be reached or was busy
  const ASKED = 200; // photos of one question
  const SHOWN = 200; // rows of a list
  const TABLE = /\.csv$/i;
  const PHOTO = /\.(jpe?g|png|webp|bmp|hei[cf]|avif|tiff?|gif)$/i;

  const part = (name) => root.querySelector(`[data-${name}]`);
  const [area, say, preview, work] = ["area", "say", "preview", "work"].map(part);
  const token = root.querySelector("[name=csrfmiddlewaretoken]").value;
  const maxBytes = Number(root.dataset.maxBytes);
  const maxFiles = Number(root.dataset.maxFiles);
  let files = new Map(); // name with folders -> function that promises the file
  let plan = null;
  let results = []; // {person, path, state, reason, pk}
  let stopped = false;
  let going = false;

  const wait = (milliseconds) => new Promise((done) => setTimeout(done, milliseconds));
  const shown = (number) => number.toLocaleString(document.documentElement.lang);
  const filled = (text, number) => text.replace("%s", shown(number));
  const ofPeople = (number) => filled(number === 1 ? gettext("%s person") : gettext("%s people"), number);
  const ofPhotos = (number) => filled(number === 1 ? gettext("%s photo") : gettext("%s photos"), number);
  const tooMany = () => new Error(filled(gettext("At most %s files at a time."), maxFiles));

  // --- what was handed in

  async function take(found) {
    if (going) return;
    tell(gettext("Reading …"));
    preview.hidden = work.hidden = true;
    try {
      files = await opened(found);
      plan = await planned();
      tell("");
      show();
    } catch (error) {
      tell(error.message);
    }
  }

  // found: [[name, File]]. Zip files are opened.
  async function opened(found) {
    const all = new Map();
    for (const [name, file] of found) {
      if (/\.zip$/i.test(name)) {
        for (const entry of await zipFile.entries(file, maxFiles)) all.set(entry.name, () => entry.blob(maxBytes));
      } else {
        all.set(name, async () => file);
      }
    }
    if (all.size > maxFiles) throw tooMany();
    return all;
  }

  async function planned() {
    const names = [...files.keys()];
    const visible = names.filter((name) => !/(^|\/)(\.|__MACOSX)/.test(name));
    const tables = visible.filter((name) => TABLE.test(name));
    if (tables.length > 1) throw new Error(gettext("There are several CSV files: %s. Leave one.").replace("%s", tables.join(", ")));
    const body = new FormData();
    body.set("names", JSON.stringify(names.filter((name) => PHOTO.test(name))));
    if (tables.length) {
      body.set("table", await files.get(tables[0])(), "people.csv");
      body.set("beside", tables[0].split("/").slice(0, -1).join("/"));
    }
    const answer = await post(root.dataset.plan, body);
    if (!answer.json?.people) throw new Error(answer.json?.message ?? gettext("The site could not read it. Try again."));
    return answer.json;
  }

  function show() {
    const { people, missing, unused, understood } = plan;
    const photos = people.reduce((sum, person) => sum + person.photos.length, 0);
    const known = people.filter((person) => person.known).length;
    part("summary").textContent =
      `${ofPeople(people.length)}, ${ofPhotos(photos)}.` +
      (known ? ` ${filled(known === 1 ? gettext("%s of them is enrolled already and gets further photos.") : gettext("%s of them are enrolled already and get further photos."), known)}` : "");
    part("understood").textContent = understood;
    fill(part("people"), people, ({ external_id: id, name, photos: own, known: old }) =>
      row([id, name, own.length, old ? gettext("enrolled already") : gettext("new")]));
    list("missing", missing);
    list("unused", unused);
    part("go").textContent = filled(people.length === 1 ? gettext("Enrol %s person") : gettext("Enrol %s people"), people.length);
    preview.hidden = false;
    part("go").focus();
  }

  function list(name, items) {
    part(name).hidden = !items.length;
    part(`${name}-count`).textContent = shown(items.length);
    fill(part(`${name}-list`), items, (text) => element("li", text));
  }

  function fill(place, items, make) {
    place.replaceChildren(...items.slice(0, SHOWN).map(make));
    if (items.length > SHOWN) {
      const more = filled(gettext("and %s more"), items.length - SHOWN);
      place.append(place.tagName === "TBODY" ? row([more, "", "", ""]) : element("li", more));
    }
  }

  function element(tag, text) {
    const made = document.createElement(tag);
    made.textContent = text;
    return made;
  }

  function row(cells) {
    const made = document.createElement("tr");
    made.append(...cells.map((cell) => element("td", String(cell))));
    return made;
  }

  // --- sending

  async function start() {
    if (going || !plan) return;
    going = true;
    stopped = false;
    results = [];
    preview.hidden = true;
    work.hidden = false;
    part("stop").hidden = false;
    part("after").hidden = true;
    part("problems").replaceChildren();
    part("bar").max = plan.people.reduce((sum, person) => sum + person.photos.length, 0) || 1;
    part("stop").focus();
    count();
    const asking = follow();
    const waiting = plan.people.values();
    // Several people at once, each one's photos one after the other.
    await Promise.all(Array.from({ length: AT_ONCE }, () => next(waiting)));
    going = false;
    await asking;
    part("stop").hidden = true;
    part("after").hidden = false;
    part("again").focus();
    count();
  }

  async function next(waiting) {
    for (const person of waiting) {
      if (stopped) return;
      await enrol(person);
    }
  }

  async function enrol(person) {
    const agreed = person.agreed_at ?? (part("agreed")?.checked ? "now" : "");
    const body = new FormData();
    body.set("external_id", person.external_id);
    body.set("name", person.name);
    if (agreed && part("agreed")) body.set("agreed_at", agreed);
    const begun = await insist(root.dataset.person, body);
    if (stopped && !begun) return;
    if (!begun?.json?.pk) return person.photos.forEach((path) => note(person, path, "refused", words(begun)));
    person.pk = begun.json.pk;
    const there = new Set(begun.json.digests);
    if (!person.photos.length) note(person, "", "ready", "");
    for (const path of person.photos) {
      if (stopped) return;
      await send(person, path, begun.json.upload, there);
    }
  }

  async function send(person, path, address, there) {
    let file;
    try {
      file = await files.get(path)();
      if (file.size > maxBytes) throw new Error(gettext("It is too large."));
      if (there.has(await digest(file))) return note(person, path, "there", "");
    } catch (error) {
      return note(person, path, "refused", error.message || gettext("It cannot be read."));
    }
    const body = new FormData();
    body.set("photos", file, path.split("/").pop());
    const answer = await insist(address, body);
    if (stopped && !answer) return;
    const problem = answer?.json?.problems?.[0];
    const pk = answer?.json?.pks?.[0];
    if (pk) note(person, path, "waiting", "", pk);
    else note(person, path, "refused", (problem ?? words(answer)).replace(/^[^:]*: /, ""));
  }

  const words = (answer) => answer?.json?.message ?? gettext("The site did not take it.");

  async function digest(file) {
    if (!crypto.subtle) return "";
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
    return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  async function post(address, body) {
    const headers = { Accept: "application/json", "X-CSRFToken": token };
    const answer = await fetch(address, { method: "POST", body, headers });
    return { status: answer.status, json: await answer.json().catch(() => null) };
  }

  // Until the site answers for good; null when somebody stopped it meanwhile.
  async function insist(address, body) {
    while (!stopped) {
      const answer = await post(address, body).catch(() => null);
      if (answer && answer.status !== 429 && answer.status < 500) {
        if (!answer.json) {
          stop(gettext("You are signed out, or this page is too old. Reload it and hand in the same again."));
          return null;
        }
        return answer;
      }
      part("pause").textContent = gettext("The site cannot be reached or is busy. It goes on by itself.");
      await wait(AGAIN);
      part("pause").textContent = "";
    }
    return null;
  }

  function stop(text = gettext("Stopped. Hand in the same again for the rest.")) {
    stopped = true;
    part("pause").textContent = text;
  }

  // --- what became of it

  function note(person, path, state, reason, pk = null) {
    const result = { person, path, state, reason, pk };
    results.push(result);
    if (state === "refused") complain(result);
    count();
  }

  async function follow() {
    for (;;) {
      const open = results.filter(({ pk, state }) => pk && (state === "waiting" || state === "processing"));
      if (!open.length && !going) return;
      if (stopped && !going) return;
      for (let start = 0; start < open.length; start += ASKED) await ask(open.slice(start, start + ASKED));
      count();
      await wait(SOON);
    }
  }

  async function ask(open) {
    const url = `${root.dataset.state}?pks=${open.map(({ pk }) => pk).join(",")}`;
    const found = await fetch(url, { headers: { Accept: "application/json" } })
      .then((answer) => answer.json())
      .catch(() => null);
    if (!found) return;
    for (const result of open) {
      const { state, reason } = found[result.pk] ?? { state: "refused", reason: gettext("It was deleted meanwhile.") };
      Object.assign(result, { state: state === "rejected" ? "refused" : state, reason });
      if (result.state === "refused" || result.state === "review") complain(result);
    }
  }

  const WORDS = {
    ready: gettext("counts"), there: gettext("there already"), review: gettext("to be reviewed"), refused: gettext("not taken"),
    waiting: gettext("waits to be looked at"), processing: gettext("is being looked at"),
  };

  function complain({ person, path, state, reason }) {
    const item = document.createElement("li");
    const link = document.createElement(person.pk ? "a" : "strong");
    link.textContent = person.name;
    if (person.pk) {
      link.href = root.dataset.personPages.replace("/0/", `/${person.pk}/`);
      link.className = "text-link";
    }
    item.append(link, element("span", path), element("span", state === "review" ? `${gettext("To be reviewed.")} ${reason}` : reason));
    part("problems").append(item);
  }

  function count() {
    const number = (...states) => results.filter(({ state }) => states.includes(state)).length;
    part("bar").value = number("ready", "there", "review", "refused");
    const words = [
      filled(filled(gettext("%s of %s photos handed in"), results.length), part("bar").max),
      filled(gettext("%s count"), number("ready", "there")),
      filled(gettext("%s to be reviewed"), number("review")),
      filled(gettext("%s not taken"), number("refused")),
    ];
    part("count").textContent = `${words.join(", ")}.`;
    part("review").hidden = !number("review");
  }

  // A table for spreadsheets, which take some texts for formulas.
  function download() {
    const cell = (text) => `"${String(text).replace(/^[=+\-@\t\r]/, "'$&").replaceAll('"', '""')}"`;
    const lines = results.map(({ person, path, state, reason }) =>
      [person.external_id, person.name, path, WORDS[state], reason].map(cell).join(","));
    const blob = new Blob(["\ufeff", ["person_id,name,path,result,reason", ...lines].join("\r\n"), "\r\n"], { type: "text/csv" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = "enrolled.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function tell(text) {
    say.textContent = text;
  }

  // --- dropping

  async function dropped(items) {
    const entries = items.map((item) => item.webkitGetAsEntry?.()).filter(Boolean);
    const found = [];
    const walk = async (entry) => {
      if (found.length > maxFiles) throw tooMany();
      if (entry.isFile) {
        const file = await new Promise((done, fail) => entry.file(done, fail));
        found.push([entry.fullPath.replace(/^\//, ""), file]);
        return;
      }
      const reader = entry.createReader();
      for (;;) {
        const some = await new Promise((done, fail) => reader.readEntries(done, fail));
        if (!some.length) return;
        for (const one of some) await walk(one);
      }
    };
    for (const entry of entries) await walk(entry);
    return found;
  }

  for (const input of root.querySelectorAll("input[type=file]")) {
    input.hasChangeListener = true;
    input.addEventListener("change", () => {
      const found = [...input.files].map((file) => [file.webkitRelativePath || file.name, file]);
      input.value = "";
      if (found.length) take(found);
    });
  }
  for (const name of ["dragenter", "dragover"]) {
    area.addEventListener(name, (event) => {
      event.preventDefault();
      area.classList.add("id-over");
    });
  }
  for (const name of ["dragleave", "drop"]) area.addEventListener(name, () => area.classList.remove("id-over"));
  area.addEventListener("drop", (event) => {
    event.preventDefault();
    dropped([...event.dataTransfer.items]).then(take, (error) => tell(error.message));
  });
  part("go").addEventListener("click", start);
  part("stop").addEventListener("click", () => stop());
  part("download").addEventListener("click", download);
  part("again").addEventListener("click", () => {
    work.hidden = true;
    part("pause").textContent = "";
    root.querySelector("input[type=file]").focus();
  });
  window.addEventListener("beforeunload", (event) => going && event.preventDefault());
})();
