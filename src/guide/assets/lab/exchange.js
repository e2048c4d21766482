// Sends the request of a form and shows the response as it arrives.

import { requestOf } from './commands.js';
import { element, word } from './page.js';

// The most pieces that are listed. Fast responses have hundreds.
const MOST_PIECES = 60;

const classOf = (status) => `${Math.floor(status / 100)}xx`;
const milliseconds = (time) => word('after', { n: Math.round(time) });

// Bytes as text, or a word for bytes that are not.
export function textOf(bytes) {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return word('binary', { n: bytes.length });
  }
}

function joined(pieces) {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

function head(response) {
  const lines = [...response.headers].flatMap(([name, value]) => [element('span', { class: 'name' }, name), `: ${value}\n`]);
  return element('div', { class: 'octets', tabindex: '0', role: 'group', 'aria-label': word('received') }, ...lines);
}

// Options for fetch. A form without files is sent encoded, as forms are.
function optionsOf(form, { method, headers, content, pairs, isMultipart }) {
  let body = content;
  if (pairs && isMultipart) {
    body = new FormData();
    for (const [name, value] of pairs) body.append(name, value);
  } else if (pairs) {
    body = new URLSearchParams(pairs);
  }
  const isConditional = headers.some(([name]) => /^(if-|range)/i.test(name));
  return {
    method,
    headers,
    body: method === 'GET' ? undefined : body ?? undefined,
    credentials: form.dataset.credentials || 'same-origin',
    // A condition of the user is for the server and not for the cache of the browser.
    cache: isConditional ? 'no-store' : 'default',
  };
}

// Whether the browser took the response from its cache.
function isFromCache(url, since) {
  const entry = performance.getEntriesByName(url).filter((one) => one.startTime >= since).at(-1);
  return entry !== undefined && entry.transferSize === 0 && entry.decodedBodySize > 0;
}

async function readBody(response, form, began, list) {
  const pieces = [];
  if (!response.body) return { pieces, error: null };
  const reader = response.body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return { pieces, error: null };
      pieces.push(value);
      if (list && pieces.length <= MOST_PIECES) {
        const text = 'short' in form.dataset ? word('bytes-received', { n: value.length }) : textOf(value);
        list.append(element('li', {}, element('span', { class: 'at' }, milliseconds(performance.now() - began)), element('code', {}, text)));
      }
    }
  } catch (error) {
    return { pieces, error };
  }
}

// Sends it. A second click ends the first request.
export async function send(form) {
  const [verdict, shown] = [form.querySelector('.verdict'), form.querySelector('.shown')];
  const request = requestOf(form);
  form.abort?.abort();
  const abort = new AbortController();
  form.abort = abort;
  verdict.textContent = word('sending');
  verdict.dataset.class = '';
  shown.replaceChildren();
  const began = performance.now();
  let response;
  try {
    response = await fetch(request.url, { ...optionsOf(form, request), signal: abort.signal });
  } catch (error) {
    if (!abort.signal.aborted) fail(verdict, error);
    return;
  }
  const atHead = performance.now() - began;
  const list = 'stream' in form.dataset ? element('ol', { class: 'pieces' }) : null;
  verdict.dataset.class = classOf(response.status);
  verdict.replaceChildren(element('b', {}, `${response.status} ${response.statusText}`), element('span', {}, word('at-head', { n: Math.round(atHead) })));
  shown.append(head(response), ...(list ? [list] : []));
  const { pieces, error } = await readBody(response, form, began, list);
  if (abort.signal.aborted) return;
  const all = joined(pieces);
  const facts = [word('at-end', { n: Math.round(performance.now() - began) }), word('bytes-received', { n: all.length })];
  if (response.redirected) facts.push(word('redirected', { where: new URL(response.url).pathname }));
  if (isFromCache(response.url, began)) facts.push(word('from-cache'));
  if (form.dataset.after === 'cookies' && form.getAttribute('action') === 'cookies') facts.push(word('hidden-set-cookie'));
  if (/(status\/1\d\d|hints)$/.test(request.url.pathname)) facts.push(word('interim-hidden'));
  if ('tls' in form.dataset && textOf(all).includes('"secure":false')) facts.push(word('not-secure'));
  verdict.append(...facts.map((fact) => element('span', {}, fact)));
  if (error) {
    verdict.dataset.class = 'none';
    verdict.prepend(element('b', {}, word('failed', { why: error.message })));
  }
  if (!list) shown.append(content(all.length ? textOf(all) : word('no-content')));
  if (form.dataset.after) await showCookies(shown);
}

const content = (text) => element('pre', { class: 'octets', tabindex: '0' }, text);

// The cookies that the browser sends now.
async function showCookies(shown) {
  const response = await fetch('cookies', { cache: 'no-store' });
  shown.append(content('GET cookies\n' + await response.text()));
}

function fail(verdict, error) {
  verdict.dataset.class = 'none';
  verdict.replaceChildren(element('b', {}, word('failed', { why: error.message })));
}
