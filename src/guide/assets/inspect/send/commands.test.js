// Run with: node --test src/guide/assets/inspect/
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import test from 'node:test';
import { curl, explain, quoted } from './commands.js';

const here = new URL('http://127.0.0.1:8080/.docroot/');

function exchange(head, more = {}) {
  const [method = '', target = '', version = ''] = head.split('\r\n')[0].split(' ');
  return { method, target, version, tls: null, request: { head, length: head.length }, ...more };
}

const flat = (command) => command.text.replaceAll(' \\\n  ', ' ');

test('a shell reads a quoted word as the same octets', () => {
  for (const octets of ['a', '', "it's", '$HOME `x` "y" \\', 'a b\tc\n', '\x01\xff\\\'', '*?[a]{b,c}', '!x', '-x']) {
    const read = execFileSync('bash', ['-c', `printf %s ${quoted(octets)}`], { encoding: 'latin1', env: { LC_ALL: 'C', PATH: process.env.PATH } });
    assert.equal(read, octets);
  }
});

test('curl sends the fields of the request, and no others', () => {
  const head = 'GET /a%20b?c=[1] HTTP/1.1\r\nHost: x:1\r\nIf-None-Match: "a"\r\nX:\r\n\r\n';
  assert.equal(flat(curl(exchange(head), here)),
    `curl -i --path-as-is -g --http1.1 -H 'If-None-Match: "a"' -H 'X;' -H Accept: -H User-Agent: 'http://x:1/a%20b?c=[1]'`);
  const bare = 'HEAD / HTTP/1.0\r\nAccept: */*\r\nUser-Agent: a\r\n\r\n';
  assert.equal(flat(curl(exchange(bare), here)),
    `curl -i --path-as-is --http1.0 -I -H 'Accept: */*' -H 'User-Agent: a' -H Host: http://127.0.0.1:8080/`);
  const options = 'OPTIONS * HTTP/1.1\r\nHost: x\r\nAccept: a\r\nUser-Agent: a\r\n\r\n';
  assert.match(flat(curl(exchange(options, { tls: {} }), here)), /-X OPTIONS --request-target '\*' .* https:\/\/x\/$/);
});

test('what the command lacks is told', () => {
  const head = 'POST / HTTP/1.1\r\nHost: x\r\nAuthorization: ***\r\nContent-Length: 3\r\n\r\n';
  const { isMasked, hasContent } = curl(exchange(head), here);
  assert.deepEqual([isMasked, hasContent], [true, true]);
});

test('a malformed request is sent as its octets', () => {
  const head = "GET /%41 HTTP/1.1\r\nA : it's \\ \0\xff\r\n\r\n";
  const command = curl(exchange(head), here);
  assert.equal(command.kind, 'octets');
  const [, printf] = /^(printf .*) \| nc 127\.0\.0\.1 8080$/.exec(command.text);
  const env = { LC_ALL: 'C', PATH: process.env.PATH };
  assert.equal(execFileSync('bash', ['-c', printf], { encoding: 'latin1', env }), head);
  assert.match(curl(exchange('x', { tls: {} }), new URL('https://[::1]/')).text, /openssl s_client -quiet -connect \[::1\]:443$/);
});

test('docroot explain gets the fields that docroot reads', () => {
  const head = 'HEAD /a%20b HTTP/1.1\r\nHost: x\r\nUser-Agent: a\r\nSec-CH-UA: b\r\nRange: bytes=0-9\r\n\r\n';
  assert.equal(flat(explain(exchange(head))), `docroot explain /a%20b --method HEAD -H 'Host: x' -H 'Range: bytes=0-9'`);
  assert.equal(explain(exchange('GET / HTTP/1.1\r\nA : b\r\n\r\n')), null);
});

test('docroot explain gets the version and the options of the connection', () => {
  const old = 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n';
  assert.equal(flat(explain(exchange(old))), `docroot explain / --http1.0 -H 'Connection: keep-alive'`);
  const close = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
  assert.equal(flat(explain(exchange(close))), `docroot explain / -H 'Host: x' -H 'Connection: close'`);
});

test('docroot explain gets the cookie only if docroot reads it', () => {
  const cookie = (value, steps) => flat(explain(exchange(`GET / HTTP/1.1\r\nCookie: ${value}\r\n\r\n`, { steps })));
  assert.equal(cookie('a=b'), 'docroot explain /');
  assert.equal(cookie('xdocroot-lang=b'), 'docroot explain /');
  assert.equal(cookie('a=b; docroot-lang=de; c=d'), `docroot explain / -H 'Cookie: docroot-lang=de'`);
  // The server masks the field, but its step names the language.
  const step = { evidence: { value: 'de' }, edits: [{ do: 'remove', name: 'Cookie', expect: null }] };
  assert.equal(cookie('***', [step]), `docroot explain / -H 'Cookie: docroot-lang=de'`);
  assert.equal(cookie('***', [{ evidence: { value: 'de' }, edits: [] }, { evidence: null, edits: null }]), 'docroot explain /');
  assert.equal(explain(exchange('GET / HTTP/1.1\r\nCookie: ***\r\n\r\n', { steps: [step] })).isMasked, false);
});
