// The server's sentences in the language of the page. The server writes them in English.

import { load } from '../page/files.js';
import { element, language, word } from '../page/page.js';
import { translator } from './translate.js';

const translate = language === 'zh' ? translator(await load('language/findings.zh.json')) : () => null;

// The sentence as text.
export const inWords = (text) => translate(text) ?? text;

// A value that docroot wrote beside a sentence, such as '17 bytes'. Other values stay as they are.
export function valueInWords(text) {
  const bytes = /^(\d+) bytes$/.exec(text);
  if (bytes) return word('value-bytes', { n: Number(bytes[1]) });
  return text === 'an unknown length' ? word('value-unknown-length') : text;
}

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
