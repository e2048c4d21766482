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

// The tests that mention the function: [{ path, line, text }].
export function testsOf(sources, name) {
  const [path, rest] = fileOf(sources, name) ?? [];
  if (!path) return [];
  const wanted = rest.at(-1);
  // The name of a test often contains that of the function: step_3_if_none_match.
  const mention = new RegExp(`\\b${wanted}\\b|\\bfn (\\w+_)?${wanted}(_\\w+)?\\b`);
  const beside = path.replace(/(\/mod)?\.rs$/, '/');
  const found = [];
  for (const [other, text] of Object.entries(sources)) {
    if (other !== path && !other.startsWith(beside)) continue;
    for (const { index, 0: mark } of text.matchAll(/^[ \t]*#\[test\]\n/gm)) {
      const whole = item(text, index + mark.length);
      if (mention.test(whole.text.replace(/\/\/.*/g, ''))) found.push({ path: other, ...whole });
    }
  }
  return found;
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
