// The page of the lab. Without this script, each form still sends its request, and the browser shows the response.

import { commandOf, requestOf } from './commands.js';
import { send } from './exchange.js';
import { word } from './page.js';
import { startComparison, startEvents, startSocket } from './sockets.js';

function startForm(form) {
  const pre = form.querySelector('.command pre');
  const update = () => { pre.textContent = commandOf(form); };
  update();
  form.addEventListener('input', update);
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    if ('events' in form.dataset) startEvents(form, requestOf(form).url);
    else send(form);
  });
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
for (const form of document.querySelectorAll('form[data-socket]')) startSocket(form);
startComparison(document.querySelector('form[data-poll]'));
document.documentElement.dataset.state = 'ready';
