// Swagger has colours for the night, under a class of the page.
const night = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", night.matches);
night.addEventListener("change", follow);
follow();

// It draws a page of its own, with headings that start anew. Here it is a part of a page.
function fit() {
  for (const heading of document.querySelectorAll("#swagger-ui :is(h2, h3, h4, h5)")) {
    heading.setAttribute("role", "heading");
    heading.setAttribute("aria-level", heading.matches(".opblock-tag, .title") ? "2" : "3");
  }
}
document.addEventListener("DOMContentLoaded", () => {
  new MutationObserver(fit).observe(document.querySelector("#swagger-ui"), { childList: true, subtree: true });
});
