// Shows how many learners have done each experiment, and begins again.

const language = document.documentElement.lang.startsWith('zh') ? 'zh' : 'en';
const byId = id => document.getElementById(id);

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

// The titles are HTML. Only their text is shown.
const textOf = html => new DOMParser().parseFromString(html, 'text/html').body.textContent;

// A row, and what changes in it.
function rowOf({ name, title }) {
  const [lesson, anchor] = name.split('/');
  const href = `../../lessons/${lesson}/index.${language}.html#${anchor}`;
  const [count, filled] = [element('b', {}, '0'), element('i')];
  const row = element('tr', { 'data-experiment': name },
    element('th', { scope: 'row' }, element('a', { href }, textOf(title[language]))),
    element('td', {}, count, element('span', { class: 'bar', 'aria-hidden': 'true' }, filled)));
  return { row, count, filled };
}

// The rows of the experiments, each lesson under its title.
function rowsOf(experiments) {
  const table = document.querySelector('table');
  let body = null;
  let lesson = '';
  return experiments.map(experiment => {
    if (experiment.lesson.en !== lesson) {
      lesson = experiment.lesson.en;
      const title = element('th', { scope: 'rowgroup', colspan: '2' }, textOf(experiment.lesson[language]));
      body = element('tbody', {}, element('tr', {}, title));
      table.append(body);
    }
    const made = rowOf(experiment);
    body.append(made.row);
    return made;
  });
}

function show(rows, { began, learners, most, done }) {
  byId('learners').textContent = `${learners} / ${most}`;
  byId('began').textContent = new Date(began).toLocaleTimeString(document.documentElement.lang, { timeStyle: 'short' });
  rows.forEach(({ count, filled }, number) => {
    count.textContent = done[number];
    filled.style.width = `${learners ? 100 * done[number] / learners : 0}%`;
  });
}

let socket = null;

function connect(rows, waits) {
  const url = new URL('watch', location.href);
  url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
  url.search = '';
  url.hash = '';
  socket = new WebSocket(url);
  socket.onmessage = ({ data }) => {
    waits = 1000;
    byId('state').textContent = byId('state').dataset.connected;
    show(rows, JSON.parse(data));
  };
  socket.onclose = () => {
    byId('state').textContent = byId('state').dataset.away;
    setTimeout(connect, waits, rows, Math.min(waits * 2, 60_000));
  };
}

byId('clear').addEventListener('click', () => byId('sure').showModal());
byId('no').addEventListener('click', () => byId('sure').close());
byId('yes').addEventListener('click', () => {
  byId('sure').close();
  if (socket?.readyState === WebSocket.OPEN) socket.send('clear');
});

const answer = await fetch('experiments.json');
connect(rowsOf(await answer.json()), 1000);
