// The files that the page reads beside its modules. A saved page has them inside, in elements such as
//   <script type="application/json" id="file-en.json">{...}</script>

// The value of a JSON file. What saves a page finds the files by these calls, so the name is a literal.
export async function load(name) {
  const inside = document.getElementById('file-' + name);
  if (inside) return JSON.parse(inside.textContent);
  const response = await fetch(new URL(name, document.baseURI));
  if (!response.ok) throw new Error(`${name}: ${response.status}`);
  return response.json();
}

// The record in a saved page, or null. A saved page has no server.
export const savedRecord = (() => {
  const inside = document.getElementById('saved-record');
  return inside && JSON.parse(inside.textContent);
})();
