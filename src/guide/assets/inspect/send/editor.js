// Edits a request, octet by octet, and sends it to this server.

import { dissected } from '../octets/bytes.js';
import { connectionView } from './connection.js';
import { ENDS, octetsOf, textOf, written } from '../octets/octets.js';
import { hello } from '../live/observed.js';
import { element, word } from '../page/page.js';
import { read } from './readings.js';
import { MOST_READ, recipients } from './recipients.js';
import { Replay } from './replay.js';
import { SAMPLES, sample } from './samples.js';

// So much of each head is drawn at each key, so that typing stays fast.
const MOST_DRAWN = 4096;

// There is one editor. What was typed stays in it, and its connection stays open while another view is shown.
let editor = null;

// The elements of the editor. With `octets`, it begins with these. `close` and `open` are what its buttons do.
export function edit({ octets, isTls }, { close, open }) {
  editor ??= build(close, open);
  editor.start(octets, isTls);
  return editor.elements;
}

function build(close, open) {
  const text = element('textarea', {
    id: 'request-text', rows: '6', spellcheck: 'false', autocomplete: 'off', autocapitalize: 'off',
    'aria-label': word('request-text'), 'aria-describedby': 'request-hint',
  });
  const ends = choices('ends', ENDS, word('line-ends'));
  const connection = choices('on', ['fresh', 'reused'], word('on-connection'));
  const tls = element('input', { type: 'checkbox', id: 'request-tls', checked: location.protocol === 'https:' });
  const tlsLabel = element('label', {}, tls, ' TLS');
  const marks = element('div', { class: 'marks', 'aria-hidden': 'true' });
  const preview = previewOf();
  const draw = () => {
    reflectConnection();
    view.draw();
  };
  const replay = new Replay(soon(draw));
  const view = connectionView(() => replay, open);

  const octets = () => octetsOf(text.value, ends.value());
  const changed = soon(() => {
    marks.replaceChildren(...markedLines(text.value, ends.value()));
    preview.show(octets());
    reflectConnection();
  });
  const setOctets = (next) => {
    const shown = textOf(next);
    text.value = shown.text;
    ends.choose(shown.ends);
    changed();
  };
  const send = async () => {
    if (sendButton.disabled) return;
    const sent = octets();
    if (connection.value() === 'fresh' || replay.state !== 'open') {
      view.clear();
      if (!await replay.open(tls.checked)) return;
    }
    replay.send(sent);
  };
  const button = (key, click) => element('button', { type: 'button', click }, word(key));
  const sendButton = button('send', send);
  const finishButton = button('finish', () => replay.finish());
  const closeButton = button('close-connection', () => replay.close());
  function reflectConnection() {
    const isOpen = replay.state === 'open';
    sendButton.disabled = text.value === '' || replay.state === 'connecting';
    connection.enable('reused', isOpen);
    if (!isOpen) connection.choose('fresh');
    finishButton.disabled = !isOpen || replay.isFinished;
    closeButton.disabled = !isOpen;
  }

  ends.change((next, before) => {
    text.value = written(octetsOf(text.value, before), next);
    changed();
  });
  text.addEventListener('input', changed);
  text.addEventListener('keydown', (event) => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    send();
  });
  draw();
  const elements = [
    element('header', {},
      element('div', { class: 'headline' },
        element('h2', {}, word('send-title')),
        element('button', { type: 'button', class: 'close', click: close, 'aria-label': word('close-details'), title: word('close-details') }, '×')),
      element('p', { class: 'meaning' }, word('send-explained'))),
    element('div', { class: 'columns editor' },
      element('div', { class: 'column' },
        element('div', {},
          sampleMenu((name) => setOctets(sample(name, location.host))),
          element('div', { class: 'request-text' }, marks, text),
          element('p', { id: 'request-hint', class: 'faint' }, word('request-hint')),
          element('div', { class: 'choices' }, ends.element, connection.element, tlsLabel),
          preview.note,
          element('div', { class: 'buttons' }, sendButton, finishButton, closeButton)),
        preview.readings, preview.bytes),
      view.element),
  ];
  const start = (next, isTls) => {
    tlsLabel.hidden = !hello()?.tls;
    if (isTls !== undefined) tls.checked = isTls;
    if (next !== undefined) setOctets(next);
    else if (text.value === '') setOctets(sample('get', location.host));
  };
  return { elements, start };
}

// What will be sent: how recipients divide it, and its octets.
function previewOf() {
  const note = element('p', { class: 'faulty', role: 'status' });
  const readings = element('div', {});
  const { title, heads, caption, show } = dissected(element('h3', {}, word('will-be-sent')));
  const bytes = element('section', { class: 'bytes', 'aria-label': word('will-be-sent') }, title, heads, caption);
  return {
    note,
    readings,
    bytes,
    show: (octets) => {
      note.textContent = octets.includes('***') ? word('fill-in-masked') : '';
      // Longer requests are sent, but not shown.
      readings.replaceChildren(...octets.length > MOST_READ ? [] : recipients(octets));
      const requests = octets.length > MOST_READ ? [] : read(octets);
      bytes.hidden = requests.length === 0;
      show(requests.map(({ start, headEnd, end }, at) => ({
        side: 'request',
        name: requests.length > 1 ? word('request-number', { n: at + 1 }) : word('request'),
        head: octets.slice(start, Math.min(headEnd, start + MOST_DRAWN)),
        length: headEnd - start,
        more: end > headEnd && element('p', { class: 'faint' }, word('request-content', { n: end - headEnd })),
      })));
    },
  };
}

// The lines of the text, each with the octets that end it.
function markedLines(text, ends) {
  const mark = { crlf: '\\r\\n', lf: '\\n', marked: '' }[ends];
  const lines = text.split('\n');
  return lines.flatMap((line, at) => at < lines.length - 1
    ? [line, mark && element('span', { class: 'mark' }, mark), '\n']
    : [line, '\u200b']).filter(Boolean);
}

function sampleMenu(choose) {
  const select = element('select', { id: 'request-sample' },
    element('option', { value: '' }, word('sample-none')),
    Object.entries(SAMPLES).map(([group, names]) => element('optgroup', { label: word('samples-' + group) },
      names.map((name) => element('option', { value: name }, word('sample-' + name))))));
  select.addEventListener('change', () => {
    if (select.value) choose(select.value);
    select.value = '';
  });
  return element('p', { class: 'sample' }, element('label', { for: 'request-sample' }, word('begin-with')), ' ', select);
}

// Radio buttons. `change` is told the new value and the one before.
function choices(name, values, legend) {
  let before = values[0];
  let changed = () => {};
  const inputs = values.map((value) => element('input', {
    type: 'radio', name, value, checked: value === before,
    change: () => {
      const last = before;
      before = value;
      changed(value, last);
    },
  }));
  const find = (value) => inputs.find((input) => input.value === value);
  return {
    element: element('fieldset', {}, element('legend', {}, legend),
      inputs.map((input) => element('label', {}, input, ' ', word(`${name}-${input.value}`)))),
    value: () => before,
    choose: (value) => {
      before = value;
      find(value).checked = true;
    },
    enable: (value, isEnabled) => { find(value).disabled = !isEnabled; },
    change: (callback) => { changed = callback; },
  };
}

// Calls a function once before the next paint, however often it is asked to.
function soon(callback) {
  let isWaiting = false;
  return () => {
    if (isWaiting) return;
    isWaiting = true;
    requestAnimationFrame(() => {
      isWaiting = false;
      callback();
    });
  };
}
