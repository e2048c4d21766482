// The server's sentences in the language of the page. The server writes them in English.

import { load } from './files.js';
import { element, language } from './page.js';
import { translator } from './translate.js';

const translate = language === 'zh' ? translator(await load('findings.zh.json')) : () => null;

// The sentence as text.
export const inWords = (text) => translate(text) ?? text;

// The sentence for a title: the translation above the English one.
export function inBoth(text) {
  const other = translate(text);
  return other === null ? text : `${other}\n${text}`;
}

// The sentence as an element, whose title is the English one if it is translated.
export function sentence(text) {
  const other = translate(text);
  return other === null ? text : element('span', { title: text }, other);
}
