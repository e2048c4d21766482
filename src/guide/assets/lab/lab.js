// The page of the lab. Without this script, each form still sends its request, and the browser shows the response.

import { commandOf, pollCommandOf, requestOf, socketCommandOf } from './commands.js';
import { send } from './exchange.js';
import { word } from './page.js';
import { startComparison, startEvents, startSocket } from './sockets.js';

function startForm(form) {
  startCommand(form, commandOf);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if ('events' in form.dataset) startEvents(form, requestOf(form).url);
    else send(form);
  });
}

// Keeps the command of a form up to date, and copies it.
function startCommand(form, textOf) {
  const pre = form.querySelector('.command pre');
  const update = () => { pre.textContent = textOf(form); };
  update();
  form.addEventListener('input', update);
  const copy = form.querySelector('.copy');
  copy.addEventListener('click', async () => {
    const before = copy.textContent;
    try {
      await navigator.clipboard.writeText(pre.textContent);
      copy.textContent = word('copied');
      setTimeout(() => { copy.textContent = before; }, 1500);
    } catch {
      // Without permission, the text is selected, so that a key copies it.
      getSelection().selectAllChildren(pre);
    }
  });
}

for (const form of document.querySelectorAll('form[action]')) startForm(form);
for (const form of document.querySelectorAll('form[data-socket]')) {
  startCommand(form, socketCommandOf);
  startSocket(form);
}
const polling = document.querySelector('form[data-poll]');
startCommand(polling, pollCommandOf);
startComparison(polling);
document.documentElement.dataset.state = 'ready';
