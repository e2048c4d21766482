"use strict";
// The page works without this script. It filters while the user types, shows dates in the zone and the
// language of the browser, shows images as tiles and the text of a README, and adds keyboard shortcuts.
// A page may have 100,000 rows: at load, the script visits those of the first group only.
const page = document.documentElement;
const find = (selector) => document.querySelector(selector);
const [box, count, none, table, view, said] = ["#q", "#count", "#none", "table", "#view", "#said"].map(find);
const groups = [...document.querySelectorAll("tbody:not(.up)")];

page.classList.add("js");
find("#keys").hidden = false;

// The name of an entry. The page shows an invisible character as U+202E in an element.
function nameOf(link) {
  const part = (node) => node.className ? String.fromCodePoint(parseInt(node.textContent.slice(2), 16)) : node.textContent;
  const text = link.childElementCount ? [...link.childNodes].map(part).join("") : link.textContent;
  return text.endsWith("/") ? text.slice(0, -1) : text;
}

const linkOf = (row) => row.firstChild.lastChild;

// ---- Dates

const stamp = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });

function localise(group) {
  for (const time of group.getElementsByTagName("time")) time.textContent = stamp.format(new Date(time.dateTime));
}

const near = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    if (target.tagName === "TR") showImage(target);
    else localise(target);
  }
}, { rootMargin: "50%" });

groups.slice(0, 1).forEach(localise);
groups.slice(1).forEach((group) => near.observe(group));
addEventListener("beforeprint", () => groups.forEach(localise));

// "2 hours ago". Whole units are counted: a day is 24 hours, so it need not be "yesterday". Only 0 has a word, "now".
function relative(date) {
  const ago = (count, unit) =>
    new Intl.RelativeTimeFormat(undefined, { numeric: count ? "always" : "auto" }).format(count, unit);
  const seconds = (date - Date.now()) / 1000;
  for (const [unit, length] of [["year", 31556952], ["month", 2629746], ["day", 86400], ["hour", 3600], ["minute", 60]]) {
    if (Math.abs(seconds) >= length) return ago(Math.trunc(seconds / length), unit);
  }
  return ago(Math.trunc(seconds), "second");
}

table.addEventListener("pointerover", ({ target }) => {
  const time = target.closest("time");
  if (time) time.title = `${relative(new Date(time.dateTime))} (${time.dateTime})`;
  const link = target.closest("td a");
  if (link && link.scrollHeight > link.clientHeight) link.title = nameOf(link);
});

// ---- Filter: each word in any order, without case and accents, as the server does it

const fold = (text) => /^[\0-\x7f]*$/.test(text) ? text.toLowerCase() : text.toLowerCase().normalize("NFD").replace(/\p{M}/gu, "").replaceAll("ς", "σ");
const words = (text) => fold(text).split(/\s+/).filter(Boolean).slice(0, 16);
// The server has already filtered by these words. The script can only narrow that filter.
const served = words(box.defaultValue);
const servedCount = count.textContent;
// Whether the names with all words of `wanted` are among those with all words of `of`.
const narrows = (wanted, of) => of.every((word) => wanted.some((longer) => longer.includes(word)));
// For each group: its rows, their folded names, and which of them are hidden.
const index = [];
let applied = served;
let timer;

function indexGroup(group) {
  const rows = [...group.children];
  index.push({ group, rows, names: rows.map((row) => fold(nameOf(linkOf(row)))), hidden: new Uint8Array(rows.length) });
}

function indexAll(idle) {
  while (index.length < groups.length && (!idle || idle.timeRemaining() > 2)) indexGroup(groups[index.length]);
  if (index.length < groups.length) requestIdleCallback(indexAll);
}

box.addEventListener("focus", () => self.requestIdleCallback?.(indexAll));

// Shows the matching rows of a group and returns their number. The rows of a group that is hidden as a
// whole stay as they are.
function filterGroup({ group, rows, names, hidden }, wanted) {
  const matches = names.map((name) => wanted.every((word) => name.includes(word)));
  const shown = matches.filter(Boolean).length;
  group.hidden = shown === 0;
  if (shown > 0) {
    matches.forEach((match, at) => {
      if (hidden[at] === Number(match)) rows[at].hidden = hidden[at] = Number(!match);
    });
    group.style.setProperty("--rows", shown);
  }
  return shown;
}

function filter() {
  clearTimeout(timer);
  const wanted = words(box.value);
  if (!narrows(wanted, served)) {
    count.textContent = "Press Enter to search all names";
    return;
  }
  indexAll();
  // Groups that have been near the viewport stay laid out until the next frame, and more rows would be
  // laid out with them. Hiding the table makes the browser forget that.
  if (!narrows(wanted, applied)) {
    table.hidden = true;
    table.getBoundingClientRect();
  }
  applied = wanted;
  const shown = index.reduce((sum, part) => sum + filterGroup(part, wanted), 0);
  table.hidden = false;
  const all = index.reduce((sum, part) => sum + part.rows.length, 0);
  none.textContent ||= "No name matches.";
  none.hidden = shown > 0;
  count.textContent = shown === all ? servedCount : `${shown.toLocaleString("en")} of ${all.toLocaleString("en")} shown`;
}

// Filter a short list at every key, and a long one when the user stops typing.
box.addEventListener("input", () => {
  clearTimeout(timer);
  timer = setTimeout(filter, groups.length < 20 ? 0 : 100);
});

// Enter opens the first match. If the list lacks some matches, it submits the form.
box.form.addEventListener("submit", (event) => {
  if (!narrows(words(box.value), served)) return;
  event.preventDefault();
  filter();
  const first = box.value.trim() && rowFrom(groups[0], 1);
  if (first) linkOf(first).click();
});

// Keep the typed text when the user sorts the list.
find("thead").addEventListener("formdata", ({ formData }) => {
  if (box.value) formData.set("q", box.value);
  else formData.delete("q");
});

// ---- Keyboard

const beside = (node, by) => by > 0 ? node.nextElementSibling : node.previousElementSibling;

// The first visible row from a group on.
function rowFrom(group, by) {
  for (; group && group.tagName === "TBODY"; group = beside(group, by)) {
    if (group.hidden) continue;
    const row = by > 0 ? group.firstElementChild : group.lastElementChild;
    const visible = row?.hidden ? rowBeside(row, by) : row;
    if (visible) return visible;
  }
}

function rowBeside(row, by) {
  const group = row.parentNode;
  do row = beside(row, by); while (row?.hidden);
  return row ?? rowFrom(beside(group, by), by);
}

function move(by) {
  const from = document.activeElement.closest("tbody tr");
  const filtered = document.activeElement === box && box.value;
  const row = from ? rowBeside(from, by) : rowFrom(filtered ? groups[0] : find("tbody"), 1);
  if (row) linkOf(row).focus();
  else if (by < 0) box.focus();
}

// From tile to tile, or down and up by a line of them.
function moveLine(by) {
  const columns = page.classList.contains("tiles") ? getComputedStyle(table).gridTemplateColumns.split(" ").length : 1;
  for (let at = 0; at < columns; at++) move(by);
}

let silence;
function say(text) {
  clearTimeout(silence);
  said.textContent = text;
  silence = setTimeout(() => { said.textContent = ""; }, 2500);
}

// The clipboard is only for secure contexts, such as HTTPS and this machine. Elsewhere, the page copies
// the text of a field.
async function copy(link) {
  let done = false;
  try {
    await navigator.clipboard.writeText(link.href);
    done = true;
  } catch {
    const field = document.createElement("textarea");
    field.value = link.href;
    document.body.append(field);
    field.select();
    done = document.execCommand("copy");
    field.remove();
    link.focus();
  }
  say(done ? `Copied the address of ${nameOf(link)}` : link.href);
}

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.isComposing) return;
  const typing = event.target === box;
  const key = event.key;
  const chosen = () => document.activeElement.closest("tbody a") ?? find("tbody tr:hover a");
  if (key === "ArrowDown") typing ? (filter(), move(1)) : moveLine(1);
  else if (key === "Escape" && typing) { box.value = ""; filter(); box.blur(); }
  else if (typing) return;
  else if (key === "ArrowUp") moveLine(-1);
  else if (key === "j") move(1);
  else if (key === "k") move(-1);
  else if (key === "ArrowRight" && page.classList.contains("tiles")) move(1);
  else if (key === "ArrowLeft" && page.classList.contains("tiles")) move(-1);
  else if (key === "/") { box.focus(); box.select(); }
  else if (key === "c" && chosen()) copy(chosen());
  else return;
  event.preventDefault();
});

// ---- Tiles

function showImage(row) {
  const image = new Image();
  image.loading = "lazy";
  image.alt = "";
  image.onerror = () => image.remove();
  image.src = linkOf(row).href;
  row.firstChild.prepend(image);
}

function show(tiles) {
  page.classList.toggle("tiles", tiles);
  view.setAttribute("aria-pressed", tiles);
  if (tiles) document.querySelectorAll(".i").forEach((row) => row.querySelector("img") ?? near.observe(row));
}

// The browser may forbid the page to store anything.
function stored(change) {
  try {
    return change(localStorage);
  } catch {
    return null;
  }
}

if (find(".i")) {
  view.hidden = false;
  if (stored((storage) => storage.getItem("docroot-view")) === "tiles") show(true);
  view.addEventListener("click", () => {
    const tiles = !page.classList.contains("tiles");
    show(tiles);
    stored((storage) => storage.setItem("docroot-view", tiles ? "tiles" : "list"));
  });
}

// ---- The README of the folder, as plain text

const README = ["README.md", "README.txt", "README"];
const README_LIMIT = 32768;

// The text in the encoding that the response declares. If it declares none: UTF-16 with a byte order mark, or else
// UTF-8 if it is that, or else windows-1252, as browsers do. A part may end within a character, which is left out.
function decode(bytes, type, isPart) {
  const [first, second] = new Uint8Array(bytes);
  const mark = { "255,254": "utf-16le", "254,255": "utf-16be" }[[first, second]];
  const declared = /;\s*charset="?([^\s;"]+)/i.exec(type)?.[1];
  for (const [label, fatal] of [[declared, false], [mark, false], ["utf-8", true]]) {
    try {
      if (label) return new TextDecoder(label, { fatal }).decode(bytes, { stream: isPart });
    } catch {
      // The label is unknown, or it is not UTF-8.
    }
  }
  return new TextDecoder("windows-1252").decode(bytes);
}

async function showReadme(link) {
  const response = await fetch(link.href, { headers: { Range: `bytes=0-${README_LIMIT - 1}` } });
  if (!response.ok) return;
  const isPart = response.headers.get("Content-Range")?.split("/")[1] > README_LIMIT;
  const text = decode(await response.arrayBuffer(), response.headers.get("Content-Type"), isPart);
  const section = document.createElement("section");
  section.id = "readme";
  const [title, body] = ["h2", "pre"].map((name) => section.appendChild(document.createElement(name)));
  title.textContent = nameOf(link);
  body.textContent = isPart ? `${text}\u2026` : text;
  find("main").append(section);
}

const [readme] = README.flatMap((name) => find(`td a[href="${name}" i]`) ?? []);
if (readme) {
  const end = new IntersectionObserver(([{ isIntersecting }]) => {
    if (!isIntersecting) return;
    end.disconnect();
    // Without the text, the page is as useful as before.
    showReadme(readme).catch(() => {});
  }, { rootMargin: "100%" });
  end.observe(find("footer"));
}

// The browser may restore the typed text when it restores the page.
if (box.value !== box.defaultValue) filter();
