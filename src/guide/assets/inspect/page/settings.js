// Menus, and switches. What the user has switched on stays on while the tab is open.

// Puts each menu below its button when it opens.
export function placeMenus() {
  for (const menu of document.querySelectorAll('.menu')) {
    const button = document.querySelector(`[popovertarget=${menu.id}]`);
    menu.addEventListener('beforetoggle', ({ newState }) => {
      if (newState !== 'open') return;
      const { bottom, left, right } = button.getBoundingClientRect();
      const width = document.documentElement.clientWidth;
      const isLeft = left + right < width;
      menu.style.top = bottom + 4 + 'px';
      menu.style.left = isLeft ? left + 'px' : 'auto';
      menu.style.right = isLeft ? 'auto' : width - right + 'px';
    });
  }
}

// Makes a button a switch. `changed` gets whether it is on, also at first. Returns a function that switches it.
export function makeSwitch(button, name, isOn, changed) {
  const show = (isNowOn) => {
    button.setAttribute('aria-pressed', isNowOn);
    changed(isNowOn);
  };
  const turn = () => {
    const isNowOn = button.getAttribute('aria-pressed') !== 'true';
    write(name, isNowOn ? '1' : '0');
    show(isNowOn);
  };
  button.addEventListener('click', turn);
  const before = read(name);
  show(before === null ? isOn : before === '1');
  return turn;
}

function read(name) {
  try {
    return sessionStorage.getItem('docroot-' + name);
  } catch {
    // The browser keeps nothing for this page. A switch is then that of this visit.
    return null;
  }
}

function write(name, value) {
  try {
    sessionStorage.setItem('docroot-' + name, value);
  } catch {
    // As above.
  }
}
