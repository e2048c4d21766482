// Finds a function, and the tests that mention it, in the sources of docroot. Pure functions.
//
// `sources` is an object of paths and texts: {"src/semantics/precondition.rs": "//! ...", ...}

// The place of a path such as docroot::semantics::precondition::if_none_match: { path, line, text }, or null.
// The text begins with the comment above the function.
export function functionOf(sources, name) {
  const [path, rest] = fileOf(sources, name) ?? [];
  if (!path) return null;
  const text = sources[path];
  const wanted = rest.at(-1);
  // A method stands behind the name of its type.
  const from = rest.length > 1 ? Math.max(0, text.search(new RegExp(`^impl\\b[^{]*\\b${rest.at(-2)}\\b`, 'm'))) : 0;
  const start = text.slice(from).search(new RegExp(`^[^/\\n]*\\bfn ${wanted}\\b`, 'm'));
  return start < 0 ? null : { path, ...item(text, from + start) };
}

// The tests of the function: [{ path, line, text }]. Tests of a running server name it in their comment. Others mention it,
// or what calls it, such as the `check` of a table of rows.
export function testsOf(sources, name) {
  const [path, rest] = fileOf(sources, name) ?? [];
  if (!path) return [];
  const beside = path.replace(/(\/mod)?\.rs$/, '/');
  const all = Object.entries(sources).filter(([other]) => other === path || isTestFile(other, beside))
    .flatMap(([other, text]) => functionsIn(other, text));
  const mark = '`' + name.replace(/^docroot::/, '') + '`';
  const naming = Object.entries(sources).filter(([other, text]) => other.startsWith('tests/') && text.includes(mark))
    .flatMap(([other, text]) => functionsIn(other, text)).filter(({ comment }) => comment.includes(mark));
  return [...mentioning(all, rest.at(-1)), ...naming].map(({ path, line, text }) => ({ path, line, text }));
}

// The tests among the functions that mention one, or what mentions it.
function mentioning(all, name) {
  // The name of a test often contains that of the function: step_3_if_none_match.
  const named = new RegExp(`\\bfn (\\w+_)?${name}(_\\w+)?\\b`);
  const seen = new Set();
  for (let wanted = [name]; wanted.length;) {
    wanted.forEach((one) => seen.add(one));
    const mention = new RegExp(`\\b(${wanted.join('|')})\\b`);
    const users = all.filter(({ code, title }) => mention.test(code) || named.test(title));
    const tests = users.filter(({ isTest }) => isTest);
    if (tests.length) return tests;
    wanted = users.map(({ called }) => called).filter((one) => !seen.has(one));
  }
  return [];
}

// Tests stand in the file itself, or in one beside it that has its name.
const isTestFile = (path, beside) => path.startsWith(beside);

// The functions of a file. `title` is the line that begins with `fn`, and `code` the rest without comments.
function functionsIn(path, text) {
  return [...text.matchAll(/^[^/\n]*\bfn (\w+)/gm)].map(({ index, 0: title, 1: called }) => {
    const whole = item(text, index);
    const at = whole.text.indexOf(title.trimStart());
    return {
      path, ...whole, called,
      title: title.trimStart(),
      code: whole.text.slice(at + title.trimStart().length).replace(/\/\/.*/g, ''),
      comment: whole.text.slice(0, at),
      isTest: whole.text.slice(0, at).includes('#[test]'),
    };
  });
}

// The file of the module, and the names within it.
function fileOf(sources, name) {
  const names = name.split('::').slice(1);
  for (let count = names.length - 1; count > 0; count--) {
    const folder = 'src/' + names.slice(0, count).join('/');
    const path = [folder + '.rs', folder + '/mod.rs'].find((one) => one in sources);
    if (path) return [path, names.slice(count)];
  }
  return null;
}

// The item that begins with the line at `start`, with the comments and attributes above it.
function item(text, start) {
  let first = start;
  for (;;) {
    const before = text.lastIndexOf('\n', first - 2) + 1;
    if (first === 0 || !/^\s*(\/\/\/|#\[)/.test(text.slice(before, first))) break;
    first = before;
  }
  const whole = text.slice(first, endOfBlock(text, start));
  const indent = /^[ \t]*/.exec(whole)[0];
  return {
    line: text.slice(0, first).split('\n').length,
    text: whole.split('\n').map((line) => line.startsWith(indent) ? line.slice(indent.length) : line).join('\n'),
  };
}

// Braces in these say nothing about blocks.
const SKIPPED = /\/\/[^\n]*|\/\*[^]*?\*\/|b?r(#*)"[^]*?"\1|"(?:[^"\\]|\\[^])*"|'(?:[^'\\\n]|\\[^'\n]*'?)'|[{};]/g;

// Behind the brace that closes the block, or behind the semicolon of an item without one.
function endOfBlock(text, start) {
  let depth = 0;
  SKIPPED.lastIndex = start;
  for (let match; (match = SKIPPED.exec(text));) {
    const [found] = match;
    if (found === '{') depth++;
    if (found === ';' && depth === 0) return SKIPPED.lastIndex;
    if (found === '}' && --depth <= 0) return SKIPPED.lastIndex;
  }
  return text.length;
}
