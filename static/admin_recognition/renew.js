// Shows what a worker has done meanwhile, until it is done: a page that loads itself anew would take the focus away.
const me = document.currentScript;
const seconds = Number(me.dataset.renew);

async function renew() {
  let page;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    page = answer.ok && !answer.redirected && new DOMParser().parseFromString(await answer.text(), "text/html");
  } catch {
    page = null; // the site is away for a moment
  }
  const content = page && page.querySelector("#content");
  const present = document.querySelector("#content");
  if (content && content.innerHTML !== present.innerHTML) present.replaceWith(document.importNode(content, true));
  if (!content || page.querySelector("[data-renew]")) setTimeout(renew, seconds * 1000);
}
setTimeout(renew, seconds * 1000);
