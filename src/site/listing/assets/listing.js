"use strict";
// The page works without this: it adds filtering while one types, and keys.
const box = document.getElementById("q");
const count = document.getElementById("count");
const none = document.getElementById("none");
const rows = [...document.querySelectorAll("tbody tr:not(.up)")];
// What the server has filtered by already: it can be narrowed here, but not widened.
const served = box.defaultValue.toLowerCase();
const said = count.textContent;
let names;
let timer;

document.documentElement.className = "js";
document.getElementById("keys").hidden = false;

function filter() {
  const wanted = box.value.toLowerCase();
  if (!wanted.includes(served)) {
    count.textContent = "Press Enter to search all names";
    return;
  }
  names ??= rows.map((row) => row.querySelector("a").textContent.replace(/\/$/, "").toLowerCase());
  let shown = 0;
  rows.forEach((row, at) => {
    const hide = !names[at].includes(wanted);
    if (row.hidden !== hide) row.hidden = hide;
    if (!hide) shown += 1;
  });
  none.hidden = shown > 0;
  count.textContent = wanted === served ? said : `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
}

// A long list is filtered once the typing rests, a short one at every key.
box.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(filter, rows.length < 2000 ? 0 : 150);
});

// Enter opens the first match, unless the server must be asked.
box.form.addEventListener("submit", (event) => {
  if (!box.value.toLowerCase().includes(served)) return;
  event.preventDefault();
  clearTimeout(timer);
  filter();
  const first = box.value && rows.find((row) => !row.hidden);
  if (first) first.querySelector("a").click();
});

// A list sorted anew keeps what was typed.
document.querySelector("thead").addEventListener("click", (event) => {
  const link = event.target.closest("a");
  if (!link) return;
  const url = new URL(link.href);
  if (box.value) url.searchParams.set("q", box.value);
  else url.searchParams.delete("q");
  link.href = url.href;
});

function move(by) {
  const from = document.activeElement.closest("tbody tr");
  let row = from ? (by > 0 ? from.nextElementSibling : from.previousElementSibling) : document.querySelector("tbody tr");
  while (row && row.hidden) row = by > 0 ? row.nextElementSibling : row.previousElementSibling;
  if (row) row.querySelector("a").focus();
  else if (by < 0) box.focus();
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  const typing = event.target === box;
  const key = event.key;
  if (key === "ArrowDown" || (key === "j" && !typing)) move(1);
  else if ((key === "ArrowUp" || key === "k") && !typing) move(-1);
  else if (key === "/" && !typing) { box.focus(); box.select(); }
  else if (key === "Escape" && typing) { box.value = ""; filter(); box.blur(); }
  else return;
  event.preventDefault();
});

// The browser may bring the text back with the page.
if (box.value.toLowerCase() !== served) filter();
