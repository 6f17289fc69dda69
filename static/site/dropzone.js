// Choosing photos: by the file dialogue, by dropping them, or from the camera (station.js).
// Inside a form with data-upload each file is sent at once, by itself; otherwise they wait in the file field.
"use strict";

(() => {
  const gettext = window.gettext ?? ((text) => text); // of the page's language, where its words arrived
  const AT_ONCE = 2; // uploads in progress

  document.querySelectorAll("[data-drop-zone]").forEach((zone) => {
    const input = zone.querySelector("input[type=file]");
    const area = zone.querySelector("[data-area]");
    const list = zone.querySelector("[data-list]");
    const say = zone.querySelector("[data-say]");
    const form = input.form;
    const maxFiles = Number(zone.dataset.maxFiles);
    const maxBytes = Number(zone.dataset.maxBytes);
    const sends = form.dataset.upload !== undefined;
    let chosen = [];
    let going = 0;
    const queue = [];
    input.hasChangeListener = true; // or the theme would look for its own text field beside it

    form.querySelectorAll("[data-without-script]").forEach((button) => {
      button.hidden = sends || form.dataset.autosubmit !== undefined;
    });

    function take(files) {
      say.textContent = "";
      const good = [];
      for (const file of files) {
        if (file.size > maxBytes) {
          const text = gettext("is too large: {size} of at most {most}");
          row(file, text.replace("{size}", megabytes(file.size)).replace("{most}", megabytes(maxBytes)), "bad");
        } else if (file.size === 0) {
          row(file, gettext("is empty"), "bad");
        } else {
          good.push(file);
        }
      }
      if (sends) {
        good.forEach((file) => queue.push([file, row(file, gettext("waiting to be sent"))]));
        input.value = "";
        send();
      } else {
        keep(good);
      }
    }

    // --- files that wait in the field until the form is sent

    function keep(files) {
      const known = new Set(chosen.map(mark));
      chosen = maxFiles === 1 ? files.slice(0, 1) : [...chosen, ...files.filter((f) => !known.has(mark(f)))];
      if (chosen.length > maxFiles) {
        say.textContent = gettext("At most %s photos at a time; more can follow afterwards.").replace("%s", maxFiles);
        chosen = chosen.slice(0, maxFiles);
      }
      fill();
      if (form.dataset.autosubmit !== undefined && chosen.length) {
        say.textContent = gettext("Looking …");
        form.requestSubmit();
      }
    }

    function fill() {
      const transfer = new DataTransfer();
      chosen.forEach((file) => transfer.items.add(file));
      input.files = transfer.files;
      list.querySelectorAll("li:not(.id-bad)").forEach((item) => item.remove());
      chosen.forEach((file) => {
        const item = row(file, megabytes(file.size));
        const button = document.createElement("button");
        button.type = "button";
        button.className = "id-link";
        button.textContent = gettext("Remove");
        button.addEventListener("click", () => {
          chosen = chosen.filter((other) => other !== file);
          fill();
        });
        item.append(button);
      });
    }

    // --- files that are sent at once

    async function send() {
      while (going < AT_ONCE && queue.length) {
        going += 1;
        const [file, item] = queue.shift();
        sendOne(file, item).finally(() => {
          going -= 1;
          send();
        });
      }
    }

    async function sendOne(file, item) {
      const text = item.querySelector("[data-text]");
      text.textContent = gettext("is being sent …");
      const body = new FormData();
      body.set("csrfmiddlewaretoken", form.querySelector("[name=csrfmiddlewaretoken]").value);
      body.set(input.name, file, file.name);
      let answer = null;
      try {
        const response = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
        answer = await response.json();
      } catch {
        answer = { problems: [gettext("The site did not take it. Reload the page and try again.")] };
      }
      if (answer.taken && !answer.cards.length) {
        text.textContent = gettext("has arrived and is looked at next"); // to who may not see photos, no card shows it
      } else if (answer.taken) {
        item.remove();
        document.dispatchEvent(new CustomEvent("photos-added", { detail: answer }));
      } else {
        const name = `${file.name}: `;
        const problem = answer.problems?.[0] ?? gettext("The site did not take it.");
        text.textContent = problem.startsWith(name) ? problem.slice(name.length) : problem;
        item.classList.add("id-bad");
      }
    }

    function row(file, words, kind = "") {
      const item = document.createElement("li");
      if (kind) item.classList.add(`id-${kind}`);
      const name = document.createElement("strong");
      name.textContent = file.name;
      const text = document.createElement("span");
      text.dataset.text = "";
      text.textContent = words;
      item.append(name, " ", text);
      list.append(item);
      return item;
    }

    input.addEventListener("change", () => take([...input.files]));
    zone.addEventListener("files", (event) => take(event.detail));
    for (const name of ["dragenter", "dragover"]) {
      area.addEventListener(name, (event) => {
        event.preventDefault();
        area.classList.add("id-over");
      });
    }
    for (const name of ["dragleave", "drop"]) {
      area.addEventListener(name, () => area.classList.remove("id-over"));
    }
    area.addEventListener("drop", (event) => {
      event.preventDefault();
      take([...event.dataTransfer.files]);
    });
  });

  function mark(file) {
    return `${file.name}|${file.size}|${file.lastModified}`;
  }

  function megabytes(bytes) {
    return bytes < 1e6 ? `${Math.max(1, Math.round(bytes / 1e3))} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
  }
})();
