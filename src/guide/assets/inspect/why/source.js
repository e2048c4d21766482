// The function of docroot that made a step, in its source, with the tests that mention it.

import { beside, isBeside } from '../page/beside.js';
import { element, sectionLink, word } from '../page/page.js';
import { functionOf, testsOf } from './rust.js';

// The sources are large, so they are loaded when somebody wants to see one.
let sources = null;
let available = null;

const areAvailable = () => available ??= isBeside('sources.json');
const load = () => sources ??= beside('sources.json');

// The section and the function of a step. The name of the function is a button if docroot has the sources.
export function source({ section, function: path }) {
  const name = element('span', { class: 'function' }, element('code', {}, functionName(path)));
  const text = element('div', { class: 'source-text', hidden: true });
  areAvailable().then((isThere) => isThere && name.replaceChildren(toggle(path, text)));
  return [element('p', { class: 'source' }, sectionLink(section), ' ', name), text];
}

function toggle(path, text) {
  return element('button', {
    type: 'button',
    class: 'link',
    'aria-expanded': 'false',
    title: word('source-title'),
    click: async ({ currentTarget: button }) => {
      text.hidden = !text.hidden;
      button.setAttribute('aria-expanded', !text.hidden);
      if (text.firstChild) return;
      text.replaceChildren(...shown(await load() ?? {}, path));
    },
  }, element('code', {}, functionName(path)));
}

function shown(all, path) {
  const found = functionOf(all, path);
  if (!found) return [element('p', { class: 'faint' }, word('source-absent'))];
  const tests = testsOf(all, path);
  return [
    listing(found),
    tests.length > 0 && element('details', {},
      element('summary', {}, word('source-tests', { n: tests.length })),
      tests.map(listing)),
  ].filter(Boolean);
}

// Comments are set apart from code, because they say what the code does.
function listing({ path, line, text }) {
  const code = element('code', {}, text.split('\n').flatMap((one) => {
    const [, before, comment] = /^(.*?)(\/\/.*)?$/.exec(one);
    const isComment = comment !== undefined && /^\s*$|[^:"]$/.test(before);
    return isComment ? [before, element('span', { class: 'comment' }, comment), '\n'] : [one, '\n'];
  }));
  return element('figure', {},
    element('figcaption', { class: 'faint' }, `${path}:${line}`),
    element('pre', { tabindex: '0', 'aria-label': `${path}:${line}` }, code));
}

// Without the name of the crate. A line may break behind each `::`.
const functionName = (path) => path.replace(/^docroot::/, '').split('::').flatMap((part, at) => at ? ['::', element('wbr'), part] : [part]);
