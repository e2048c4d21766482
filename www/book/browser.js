// What the browser itself does with a response. The experiments send over connections of their own, where nothing keeps
// cookies or hides an answer.
//
//   <div data-browser="cookie"></div>   sets a cookie, with HttpOnly and without
//   <div data-browser="cors"></div>     asks for a file at another origin of this server

import { element } from './answer.js';
import { ROOT, lacking } from './wire.js';
import { words } from './words.js';

const COOKIES = new URL('.docroot/lab/cookies', ROOT);
const FILE = 'shelf/signals.json';

// Sets the cookie, and returns what scripts and the server see of it.
async function setCookie(isHidden) {
  const more = isHidden ? { 'http-only': 1 } : {};
  const body = new URLSearchParams({ name: 'color', value: 'blue', 'max-age': 60, path: '/', 'same-site': 'Lax', ...more });
  await fetch(COOKIES, { method: 'POST', body });
  const { cookies } = await (await fetch(COOKIES)).json();
  const of = list => list.filter(one => one.startsWith('lab-color=')).join('; ') || words.noCookie;
  return {
    'document.cookie': of(document.cookie.split('; ')),
    Cookie: of(cookies.map(({ name, value }) => `${name}=${value}`)),
  };
}

// Asks for the file here, and at the other name of this machine.
async function readBoth() {
  const here = new URL(FILE, ROOT);
  const there = Object.assign(new URL(here), { hostname: here.hostname === 'localhost' ? '127.0.0.1' : 'localhost' });
  const results = await Promise.all([here, there].map(async url => {
    try {
      return [url.origin, String((await fetch(url, { cache: 'no-store' })).status)];
    } catch (fault) {
      return [url.origin, String(fault)];
    }
  }));
  return Object.fromEntries(results);
}

const ACTIONS = {
  cookie: [[words.setCookie, () => setCookie(false)], [words.setHidden, () => setCookie(true)]],
  cors: [[words.readBoth, readBoth]],
};

// Whether there is a lab, only the wire view says without a failed request.
const lacks = { cookie: () => lacking(['lab']), cors: () => [] };

// The buttons of a [data-browser] element, and a table with the result.
export class BrowserDemo {
  constructor(place) {
    this.said = element('p', { class: 'said', role: 'status' });
    this.shown = element('div');
    this.lacks = lacks[place.dataset.browser];
    const buttons = ACTIONS[place.dataset.browser].map(([name, act]) =>
      element('button', { type: 'button', class: 'send', onclick: () => this.show(act) }, name));
    place.append(element('div', { class: 'actions' }, ...buttons), this.said, this.shown);
  }

  async show(act) {
    const missing = this.lacks();
    if (missing.length > 0) {
      this.said.textContent = words.needs(missing);
      return;
    }
    this.said.textContent = words.sending;
    this.shown.replaceChildren();
    try {
      const rows = Object.entries(await act()).map(([name, text]) => element('tr', {},
        element('th', { scope: 'row', lang: 'en' }, name), element('td', {}, text)));
      this.shown.append(element('table', {}, element('tbody', {}, ...rows)));
      this.said.textContent = '';
    } catch (fault) {
      this.said.textContent = words.failed(fault.message);
    }
  }
}
