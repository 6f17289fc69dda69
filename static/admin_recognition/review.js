// The review queue: each answer has a key. Where a question is asked first, the key asks it, too.
"use strict";

(() => {
  const page = document.querySelector("[data-review]");
  if (!page) return;

  for (const form of page.querySelectorAll("form[data-confirm]"))
    form.addEventListener("submit", (event) => {
      if (!window.confirm(form.dataset.confirm)) event.preventDefault();
    });

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    page.querySelector(`[data-key="${CSS.escape(event.key.toLowerCase())}"]`)?.click();
  });
})();
