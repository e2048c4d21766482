// Saves a session as a file and opens such files.

import { Fault } from '../page/fault.js';
import { savedRecord } from '../page/files.js';
import { isHar, recordOfHar } from './har-read.js';
import { harOf } from './har.js';
import { element, word } from '../page/page.js';
import { checkedRecord, isRecord, recordOf } from './record.js';
import { hideProblem, say, showProblem } from '../page/say.js';
import { newNonce, savedPage } from './saved-page.js';

// The browser holds the text and its values at once.
const LARGEST = 200_000_000;

// `session` returns what is saved, `host` what it is of, and `open` gets { name, record } of an opened file.
export function useFiles({ session, host, open }) {
  const find = (selector) => document.querySelector(selector);
  const picker = find('#picker');
  const record = () => recordOf(session(), host(), Date.now());
  const saved = (end, media, make) => async () => {
    find('#files').hidePopover();
    try {
      download(await make(), nameOf(host(), end), media);
    } catch (error) {
      showProblem(word('not-saved', { reason: error.message }));
    }
  };
  find('#save-json').addEventListener('click', saved('json', 'application/json', () => JSON.stringify(record())));
  find('#save-har').addEventListener('click', saved('har', 'application/json', async () => JSON.stringify(await harOf(record()), null, 1)));
  find('#save-page').addEventListener('click', saved('html', 'text/html', () => savedPage(record(), readFile, newNonce())));
  // A saved page cannot read its own files.
  find('#save-page').hidden = Boolean(savedRecord);
  find('#open-file').addEventListener('click', () => {
    find('#files').hidePopover();
    picker.click();
  });
  const opened = async (file) => {
    hideProblem();
    try {
      open({ name: file.name, record: await recordIn(file) });
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      showProblem(`${word('not-opened', { name: file.name })} ${word(error.key, error.values)}`);
    }
  };
  picker.addEventListener('change', () => {
    const [file] = picker.files;
    // The same file may be chosen again.
    picker.value = '';
    if (file) opened(file);
  });
  acceptDrops(opened);
}

async function readFile(name) {
  const response = await fetch(new URL(name || '.', document.baseURI));
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response.text();
}

export async function recordIn(file) {
  if (file.size > LARGEST) throw new Fault('file-large');
  let value;
  try {
    value = JSON.parse(await file.text());
  } catch (error) {
    throw new Fault('file-not-json', { reason: error.message });
  }
  if (isRecord(value)) return checkedRecord(value);
  if (isHar(value)) return checkedRecord(recordOfHar(value, word('no-reason-known')));
  throw new Fault('file-unknown');
}

// docroot-127.0.0.1-8080-2026-11-27T11-02-03.har
function nameOf(host, end) {
  const time = new Date().toISOString().slice(0, 19);
  return `docroot-${host}-${time}`.replace(/[^\w.-]+/g, '-') + '.' + end;
}

function download(text, name, media) {
  const url = URL.createObjectURL(new Blob([text], { type: media }));
  element('a', { href: url, download: name }).click();
  // The browser has begun to read it when the next task runs.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
  say(word('saved', { name }));
}

function acceptDrops(opened) {
  const isFile = (event) => event.dataTransfer?.types.includes('Files');
  const mark = (isOver) => document.documentElement.classList.toggle('drop', isOver);
  addEventListener('dragover', (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    mark(true);
  });
  addEventListener('dragleave', (event) => event.relatedTarget === null && mark(false));
  addEventListener('drop', (event) => {
    if (!isFile(event)) return;
    event.preventDefault();
    mark(false);
    const [file] = event.dataTransfer.files;
    if (file) opened(file);
  });
}
