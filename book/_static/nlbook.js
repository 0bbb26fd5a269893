/* The switch that shows all code; keys for what scrolls; and on paper nothing stays folded. */
(() => {
  const root = document.documentElement;
  const KEY = "nlbook-all-code";
  root.classList.add("scripted");

  const remembered = () => {
    try {
      return localStorage.getItem(KEY) === "yes";
    } catch {
      return false; // a browser that keeps nothing for pages on disk
    }
  };
  const remember = (on) => {
    try {
      localStorage.setItem(KEY, on ? "yes" : "no");
    } catch {}
  };
  const folded = () => document.querySelectorAll(".cell details.hide");

  const show = (on) => {
    root.classList.toggle("all-code", on);
    for (const details of folded()) details.open = on;
    reach();
  };

  const addSwitch = () => {
    const title = document.querySelector("article h1");
    if (!title || !document.querySelector("article .cell")) return;
    const line = document.createElement("div");
    line.className = "all-code-switch";
    line.innerHTML =
      '<label><input type="checkbox" id="all-code"> Show all code, claims and numbers</label>';
    const box = line.querySelector("input");
    box.checked = remembered();
    if (box.checked) show(true);
    box.addEventListener("change", () => {
      remember(box.checked);
      show(box.checked);
    });
    title.after(line);
  };

  // What scrolls sideways can be reached and scrolled by the keyboard; what fits is no stop.
  const SCROLLERS =
    ".bd-article :is(pre, div.math, p, li, .output, .pst-scrollable-table-container)";
  const reach = () => {
    for (const element of document.querySelectorAll(SCROLLERS)) {
      const scrolls =
        element.scrollWidth > element.clientWidth + 1 &&
        /auto|scroll/.test(getComputedStyle(element).overflowX);
      if (scrolls) element.tabIndex = 0;
      else if (element.tabIndex === 0) element.removeAttribute("tabindex");
    }
  };
  addEventListener("load", () => {
    reach();
    window.MathJax?.startup?.promise?.then(reach);
  });
  addEventListener("resize", reach);
  addEventListener("toggle", reach, true);

  let opened = [];
  addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll("details:not([open]):not(.hide)")];
    for (const details of opened) details.open = true;
    for (const image of document.images) image.loading = "eager";
  });
  addEventListener("afterprint", () => {
    for (const details of opened) details.open = false;
    opened = [];
  });

  if (document.readyState === "loading") addEventListener("DOMContentLoaded", addSwitch);
  else addSwitch();
})();
