// Reloads this page when the files of the site change (docroot --live-reload).
//
// docroot sends one of these:
//   {"changed": [path, ...]}   These files changed. The paths are below the root of the site.
//   {"reload": true}           Anything may have changed.
//   {"check": true}            docroot does not know what changed since this page was loaded.
(() => {
  'use strict';
  const script = document.currentScript;
  if (!script || window.docrootLiveReload) return;
  window.docrootLiveReload = true;

  const version = script.dataset.version;
  const root = new URL('..', script.src);
  const endpoint = new URL('live-reload', script.src);
  endpoint.protocol = endpoint.protocol.replace('http', 'ws');

  const FIRST_PAUSE = 200, LONGEST_PAUSE = 5000;
  let pause = FIRST_PAUSE;
  // The page shows the files as they were at this time or later.
  let current = performance.timeOrigin;
  let count = 0;
  // Links to style sheets that are being replaced.
  const replaced = new WeakSet();

  const say = (text) => console.info('docroot: ' + text);

  // A policy of the site may forbid the connection. Trying again would not help.
  let isForbidden = false;
  document.addEventListener('securitypolicyviolation', (event) => {
    if (event.blockedURI !== endpoint.href || isForbidden) return;
    isForbidden = true;
    say('live reload is off, because the Content-Security-Policy of this page forbids the connection');
  });

  function connect() {
    let socket;
    try {
      socket = new WebSocket(endpoint.href);
    } catch {
      return;
    }
    socket.onopen = () => {
      pause = FIRST_PAUSE;
      socket.send(String(Math.max(0, Math.ceil(Date.now() - current))));
    };
    socket.onmessage = (event) => {
      current = Date.now();
      act(JSON.parse(event.data));
    };
    socket.onclose = () => {
      if (isForbidden) return;
      setTimeout(connect, pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    };
  }

  function act(news) {
    if (news.check) return check();
    if (news.reload || !news.changed.every(replace)) location.reload();
  }

  // Reloads unless the document still has the version that was loaded.
  async function check() {
    let text;
    try {
      text = await (await fetch(location.href, { cache: 'no-store' })).text();
    } catch {
      return; // The server is away again. The next connection checks too.
    }
    if (!version || !text.includes('data-version="' + version + '"')) location.reload();
  }

  // Replaces what shows the file, if that is possible without a reload.
  function replace(path) {
    const url = new URL(path, root);
    if (/\.css$/i.test(url.pathname)) return replaceSheets(url);
    if (/\.(avif|bmp|gif|ico|jpe?g|png|svg|webp)$/i.test(url.pathname)) return replaceImages(url);
    return false;
  }

  function replaceSheets(url) {
    const all = [...document.querySelectorAll('link[rel~="stylesheet"][href]')];
    const links = all.filter((link) => isSame(link.href, url));
    for (const link of links.filter((link) => !replaced.has(link))) {
      // The old sheet stays until the new one has loaded, so the page is never without.
      const next = link.cloneNode();
      next.href = fresh(link.href);
      replaced.add(link);
      next.onload = next.onerror = () => link.remove();
      link.after(next);
    }
    return links.length > 0;
  }

  function replaceImages(url) {
    let isFound = false;
    const change = (element, name, value) => {
      isFound = true;
      element.setAttribute(name, value);
    };
    for (const image of document.images) {
      if (isSame(image.src, url)) change(image, 'src', fresh(image.src));
    }
    for (const element of document.querySelectorAll('img[srcset], source[srcset]')) {
      // Candidates are separated by white space and commas: "a.png 1x, b.png 2x".
      const old = element.getAttribute('srcset');
      const next = old.replace(/[^\s,]\S*[^\s,]/g, (word) =>
        isSame(absolute(word), url) ? fresh(absolute(word)) : word);
      if (next !== old) change(element, 'srcset', next);
    }
    for (const link of document.querySelectorAll('link[rel~="icon"][href]')) {
      if (isSame(link.href, url)) change(link, 'href', fresh(link.href));
    }
    for (const video of document.querySelectorAll('video[poster]')) {
      if (isSame(video.poster, url)) change(video, 'poster', fresh(video.poster));
    }
    return isFound;
  }

  function absolute(reference) {
    try {
      return new URL(reference, document.baseURI).href;
    } catch {
      return '';
    }
  }

  function isSame(address, url) {
    if (!address) return false;
    const other = new URL(address, document.baseURI);
    return other.origin === url.origin && decoded(other.pathname) === decoded(url.pathname);
  }

  function decoded(path) {
    try {
      return decodeURIComponent(path);
    } catch {
      return path;
    }
  }

  // The address with a query that bypasses the cache.
  function fresh(address) {
    const next = new URL(address);
    next.searchParams.set('docroot-change', ++count + '-' + Date.now());
    return next.href;
  }

  connect();
})();
