// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';
import { functionOf, testsOf } from './rust.js';

const ROOT = new URL('../../../../../', import.meta.url);

const sources = {
  'src/a/rules.rs': `//! Rules.

/// Says { whether.
#[inline]
fn first(text: &str) -> bool {
    // }
    let brace = '}';
    text == "}" && r#"""}"# != text || matches!(text, "\\"}")
}

/// Another.
fn first_of_all() {}

fn once() {}

impl Other {
    fn third(&self) {}
}

impl<'a> Thing<'a> {
    /// The method.
    pub fn third(&'a self) -> u8 {
        { 1 }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn finds() {
        first("a");
    }

    /// Not of the first.
    #[test]
    fn passes() {
        first_of_all();
    }

    #[test]
    fn step_2_once_more() {}
}
`,
  'src/a/rules/tests.rs': '#[test]\nfn table() {\n    for row in ROWS { first(row); }\n}\n',
  'src/a/other.rs': '#[test]\nfn stranger() { first(1); }\n',
  'src/b/mod.rs': 'pub(super) fn outer();\n',
  'src/c.rs': `fn inner() {}

pub fn entry() { inner() }

#[cfg(test)]
mod tests {
    fn check(row: u8) { entry(row) }

    #[test]
    fn rows() { check(1) }

    #[test]
    fn others() {}
}
`,
  'tests/c.rs': '/// About both.\n/// Tests `b::outer`, `c::entry`.\n#[test]\nfn served() { get() }\n\n#[test]\nfn other() {}\n',
};

test('a function is found with its comment', () => {
  const { path, line, text } = functionOf(sources, 'docroot::a::rules::first');
  assert.deepEqual([path, line], ['src/a/rules.rs', 3]);
  assert.match(text, /^\/\/\/ Says \{ whether\.\n#\[inline\]\nfn first\(/);
  assert.match(text, /\n\}$/);
  assert.ok(!text.includes('Another'));
});

test('a method is that of its type, and stands at the margin', () => {
  assert.equal(functionOf(sources, 'docroot::a::rules::Thing::third').text, '/// The method.\npub fn third(&\'a self) -> u8 {\n    { 1 }\n}');
});

test('a function of a folder, and one that is not there', () => {
  assert.equal(functionOf(sources, 'docroot::b::outer').text, 'pub(super) fn outer();');
  for (const name of ['docroot::a::rules::absent', 'docroot::absent::first', 'docroot', '']) assert.equal(functionOf(sources, name), null, name);
});

test('the tests of the file and beside it that mention the function', () => {
  const names = (name) => testsOf(sources, name).map(({ path, text }) => `${path} ${/fn (\w+)/.exec(text)[1]}`);
  assert.deepEqual(names('docroot::a::rules::first'), ['src/a/rules.rs finds', 'src/a/rules/tests.rs table']);
  assert.deepEqual(names('docroot::a::rules::first_of_all'), ['src/a/rules.rs passes']);
  assert.deepEqual(names('docroot::a::rules::once'), ['src/a/rules.rs step_2_once_more']);
  assert.match(testsOf(sources, 'docroot::a::rules::first_of_all')[0].text, /^\/\/\/ Not of the first\.\n#\[test\]\nfn passes/);
});

test('tests that call a function by others, and those of a running server that name it', () => {
  const names = (name) => testsOf(sources, name).map(({ path, line, text }) => `${path}:${line} ${/fn (\w+)/.exec(text)[1]}`);
  assert.deepEqual(names('docroot::c::inner'), ['src/c.rs:9 rows']);
  assert.deepEqual(names('docroot::c::entry'), ['src/c.rs:9 rows', 'tests/c.rs:1 served']);
  assert.deepEqual(names('docroot::b::outer'), ['tests/c.rs:1 served']);
});

// The files of docroot as the page gets them, with whole files of tests.
function repository() {
  const found = {};
  const read = (folder) => {
    for (const entry of readdirSync(new URL(folder, ROOT), { withFileTypes: true })) {
      const path = `${folder}/${entry.name}`;
      if (entry.isDirectory()) read(path);
      else if (path.endsWith('.rs')) found[path] = readFileSync(new URL(path, ROOT), 'utf8');
    }
  };
  ['src', 'tests'].forEach(read);
  return found;
}

// The functions that steps name: clause!("section", "function") in its own file, or with the module before it.
function functionsOfSteps(files) {
  const found = new Set();
  for (const [path, text] of Object.entries(files).filter(([path]) => path.startsWith('src/') && !path.includes('tests'))) {
    const module = path.slice('src/'.length).replace(/(\/mod)?\.rs$/, '').replaceAll('/', '::');
    const code = text.split('#[cfg(test)]\nmod tests {')[0].replace(/^\s*\/\/.*$/gm, '');
    for (const [, first, second] of code.matchAll(/clause!\(\s*"[^"]*",\s*"([^"]*)"(?:,\s*"([^"]*)")?/g)) {
      found.add(`docroot::${second ? `${first}::${second}` : `${module}::${first}`}`);
    }
  }
  return [...found];
}

test('each function that a step names is there, with a test', () => {
  const files = repository();
  const functions = functionsOfSteps(files);
  assert.ok(functions.length > 100);
  assert.deepEqual(functions.filter((name) => !functionOf(files, name)), []);
  assert.deepEqual(functions.filter((name) => testsOf(files, name).length === 0), []);
});

test('a function of docroot is cut where it ends', () => {
  const path = 'src/semantics/precondition.rs';
  const text = readFileSync(new URL('../../../../../' + path, import.meta.url), 'utf8');
  const found = functionOf({ [path]: text }, 'docroot::semantics::precondition::if_none_match');
  assert.match(found.text, /^\/\/\/.*\n(\/\/\/.*\n)*fn if_none_match\(/);
  assert.match(found.text, /\n\}$/);
  assert.equal(text.split('\n')[found.line - 1], found.text.split('\n')[0]);
});
