// What all parts of the page use: its words, and elements.

// The words of the page's language, with {name} replaced by a value.
export function word(name, values = {}) {
  const entry = document.querySelector('#words').content.querySelector(`[data-name="${name}"]`);
  const text = entry ? entry.textContent : name;
  return text.replace(/\{(\w+)\}/g, (all, key) => values[key] === undefined ? all : String(values[key]));
}

export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}
