// Select2 draws a box of its own in place of a field and leaves it without a name for screen readers.
"use strict";
const named = () => {
  for (const select of document.querySelectorAll("select.admin-autocomplete")) {
    const label = document.querySelector(`label[for="${select.id}"]`);
    const box = document.getElementById(`select2-${select.id}-container`);
    if (label && box) box.setAttribute("aria-label", label.firstChild.textContent.trim());
  }
};
new MutationObserver(named).observe(document.documentElement, { childList: true, subtree: true });
