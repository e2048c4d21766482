"use strict";
// The page works without this script. It adds filtering while the user types, and keyboard shortcuts.
const box = document.getElementById("q");
const count = document.getElementById("count");
const none = document.getElementById("none");
const rows = [...document.querySelectorAll("tbody tr:not(.up)")];
// The server has already filtered by this text. The script can only narrow that filter.
const served = box.defaultValue.toLowerCase();
const servedCount = count.textContent;
let names;
let timer;

document.documentElement.className = "js";
document.getElementById("keys").hidden = false;

// The name as the server filters it. The page shows an invisible character as U+202E in an element.
function nameOf(row) {
  const parts = [...row.querySelector("a").childNodes];
  const text = parts.map((part) => part.className ? String.fromCodePoint(parseInt(part.textContent.slice(2), 16)) : part.textContent);
  return text.join("").replace(/\/$/, "").toLowerCase();
}

function filter() {
  const wanted = box.value.toLowerCase();
  if (!wanted.includes(served)) {
    count.textContent = "Press Enter to search all names";
    return;
  }
  names ??= rows.map(nameOf);
  let shown = 0;
  rows.forEach((row, at) => {
    const hide = !names[at].includes(wanted);
    if (row.hidden !== hide) row.hidden = hide;
    if (!hide) shown += 1;
  });
  none.hidden = shown > 0;
  count.textContent = wanted === served ? servedCount : `${shown.toLocaleString("en")} of ${rows.length.toLocaleString("en")} shown`;
}

// Filter a short list at every key, and a long one when the user stops typing.
box.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(filter, rows.length < 2000 ? 0 : 150);
});

// Enter opens the first match. If the list lacks some matches, it submits the form.
box.form.addEventListener("submit", (event) => {
  if (!box.value.toLowerCase().includes(served)) return;
  event.preventDefault();
  clearTimeout(timer);
  filter();
  const first = box.value && rows.find((row) => !row.hidden);
  if (first) first.querySelector("a").click();
});

// Keep the typed text when the user sorts the list.
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

// The browser may restore the typed text when it restores the page.
if (box.value.toLowerCase() !== served) filter();
