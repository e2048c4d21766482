// A session as one HTML file that opens without a server: the wire view itself, with its modules, styles and words
// and the record inside.
//
//   <meta http-equiv="Content-Security-Policy" ...>   Only what has the nonce of the file runs, and nothing is loaded.
//   <style nonce="...">                               each style sheet
//   <script type="importmap" nonce="...">             each module as a data: URL
//   <script type="application/json" id="...">         each file of words, and the record
//   <script type="module" nonce="...">                starts the page
//
// A relative specifier means nothing in a data: URL, so ../list/rows.js becomes docroot/list/rows.js, which the import
// map knows.

const PAGE = 'inspect.js';
const NAME = 'docroot/';

const IMPORT = /(\bfrom\s+|\bimport\s*\(?\s*)'(\.[\w./-]+\.js)'/g;
const LOAD = /\bload\('([\w./-]+\.json)'\)/g;
const STYLE = /<link rel="stylesheet" href="([\w./-]+\.css)">/g;
const START = /<script type="module" src="[\w-]+\.js"><\/script>/;

// The file, made of the files of the page. `read` resolves to the text of a file.
export async function savedPage(record, read, nonce) {
  const page = await read('');
  const modules = await closure(PAGE, read);
  const files = new Set(Object.values(modules).flatMap((text) => [...text.matchAll(LOAD)].map((match) => match[1])));
  const styles = [...page.matchAll(STYLE)].map((match) => match[1]);
  const readAll = async (names) => Object.fromEntries(await Promise.all([...names].map(async (name) => [name, await read(name)])));
  return assembled({ page, modules, styles: await readAll(styles), files: await readAll(files), record, nonce });
}

// The text of a module and of all that it imports, by name.
async function closure(first, read) {
  const found = {};
  let wanted = [first];
  while (wanted.length) {
    const texts = await Promise.all(wanted.map(read));
    wanted.forEach((name, at) => { found[name] = texts[at]; });
    const imported = texts.flatMap((text, at) => [...text.matchAll(IMPORT)].map(([, , other]) => resolved(other, wanted[at])));
    wanted = [...new Set(imported)].filter((name) => !(name in found));
  }
  return found;
}

// The name of a module that another one imports.
const resolved = (specifier, importer) => new URL(specifier, 'page:/' + importer).pathname.slice(1);

// The file. A pure function.
export function assembled({ page, modules, styles, files, record, nonce }) {
  const policy = `default-src 'none'; script-src 'nonce-${nonce}'; style-src 'nonce-${nonce}'; img-src data:; base-uri 'none'; form-action 'none'`;
  const imports = Object.fromEntries(Object.entries(modules).map(([name, text]) =>
    [NAME + name, 'data:text/javascript;base64,' + base64(text.replaceAll(IMPORT, (all, before, other) => `${before}'${NAME}${resolved(other, name)}'`))]));
  const data = (id, text) => `<script type="application/json" id="${id}">${inert(text)}</script>`;
  const start = [
    `<script type="importmap" nonce="${nonce}">${JSON.stringify({ imports })}</script>`,
    ...Object.entries(files).map(([name, text]) => data('file-' + name, JSON.stringify(JSON.parse(text)))),
    data('saved-record', JSON.stringify(record)),
    `<script type="module" nonce="${nonce}">import '${NAME}${PAGE}';</script>`,
  ];
  // Functions, because $ in a text would mean something.
  return page
    .replace('<meta charset="utf-8">', () => `<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="${policy}">`)
    .replaceAll(STYLE, (all, name) => `<style nonce="${nonce}">\n${styles[name]}</style>`)
    .replace(START, () => start.join('\n'));
}

// JSON in an element: nothing in it looks like a tag.
const inert = (text) => text.replaceAll('<', '\\u003c');

function base64(text) {
  let octets = '';
  for (const octet of new TextEncoder().encode(text)) octets += String.fromCharCode(octet);
  return btoa(octets);
}

export function newNonce() {
  return base64(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(16)).map((octet) => octet & 127)));
}
