// Changes a request as an edit of docroot says. A pure function.
//
//   {"do": "remove", "name": "If-None-Match"}                     no field of this name
//   {"do": "set", "name": "Range", "value": "bytes=0-99"}         exactly one field of this name
//   {"do": "method" | "target" | "version", "value": "HEAD"}      another part of the request line
//
// All other octets stay as they are, also those that the grammar forbids.

// The head of a request after an edit. An edit that is not known changes nothing.
export function apply(head, edit) {
  const { before, line, end, rest } = split(head);
  switch (edit.do) {
    case 'remove': return before + line + end + without(rest, edit.name, null);
    case 'set': return before + line + end + without(rest, edit.name, `${edit.name}: ${edit.value}`);
    case 'method': return before + line.replace(/^[^ ]*/, () => edit.value) + end + rest;
    case 'target': return before + withTarget(line, edit.value) + end + rest;
    case 'version': return before + line.replace(/ +HTTP\/[^ ]*$|$/i, () => ' ' + edit.value) + end + rest;
    default: return head;
  }
}

// The empty lines before the request line, the request line, its line end, and all after it.
function split(head) {
  const [, before, line, end] = /^((?:\r?\n)*)([^\n]*?)(\r?\n|$)/.exec(head);
  return { before, line, end, rest: head.slice(before.length + line.length + end.length) };
}

function withTarget(line, target) {
  const [, method, version] = /^([^ ]*) *.*?( +HTTP\/[^ ]*)?$/i.exec(line);
  return `${method} ${target}${version ?? ''}`;
}

// The fields without those of a name. `instead`, if there is one, takes the place of the first of them, or
// the last place.
function without(rest, name, instead) {
  const wanted = name.toLowerCase();
  let kept = '';
  let isWaiting = instead !== null;
  let isDropping = false;
  let at = 0;
  for (const line of rest.match(/[^\n]*\n|[^\n]+$/g) ?? []) {
    const end = /\r?\n$|$/.exec(line)[0];
    // The empty line ends the head. What follows is content.
    if (line === end) break;
    at += line.length;
    const isContinued = /^[ \t]/.test(line);
    if (!isContinued) isDropping = line.split(':', 1)[0].trim().toLowerCase() === wanted;
    if (!isDropping) {
      kept += line;
    } else if (isWaiting) {
      kept += instead + (end || '\r\n');
      isWaiting = false;
    }
  }
  return kept + (isWaiting ? instead + '\r\n' : '') + rest.slice(at);
}
