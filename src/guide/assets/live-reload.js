// Reloads this page when the files of the site change (docroot --live-reload).
//
// docroot sends these:
//   {"folder": path}           The folder of this script below the root of the site. It comes first, unless it is the root.
//   {"changed": [path, ...]}   These files changed. The paths are below the root of the site.
//   {"reload": true}           Anything may have changed.
//   {"check": true}            docroot does not know what changed since this page was loaded.
(() => {
  'use strict';
  const script = document.currentScript;
  if (!script || window.docrootLiveReload) return;
  window.docrootLiveReload = true;

  const version = script.dataset.version;
  // The folder of this script as the browser sees it, and below the root of the site as docroot sees it. Between them
  // may be a proxy that changes paths.
  const here = new URL('..', script.src);
  let folder = '';
  const endpoint = new URL('live-reload', script.src);
  endpoint.protocol = endpoint.protocol.replace('http', 'ws');

  const FIRST_PAUSE = 200, LONGEST_PAUSE = 5000;
  let pause = FIRST_PAUSE;
  // The page shows the files as they were at this time or later.
  let current = performance.timeOrigin;
  // The name in the query of addresses that bypass the cache.
  const CHANGE = 'docroot-change';
  let count = 0;
  let isReloading = false;
  // For a link to a style sheet that has not loaded yet: the links that it replaces.
  const loading = new Map();

  const say = (text) => console.info('docroot: ' + text);

  // A policy of the site may forbid the connection. Trying again would not help.
  let isForbidden = false;
  document.addEventListener('securitypolicyviolation', (event) => {
    if (event.blockedURI !== endpoint.href || event.disposition !== 'enforce' || isForbidden) return;
    isForbidden = true;
    say('live reload is off, because the Content-Security-Policy of this page forbids the connection');
  });

  // A proxy may not pass the connection on.
  const MANY_FAILURES = 5;
  let failures = 0;

  function connect() {
    let socket;
    try {
      socket = new WebSocket(endpoint.href);
    } catch {
      return;
    }
    socket.onopen = () => {
      pause = FIRST_PAUSE;
      failures = -Infinity;
      socket.send(String(Math.max(0, Math.ceil(Date.now() - current))));
    };
    socket.onmessage = (event) => {
      const news = JSON.parse(event.data);
      if (news.folder) {
        folder = news.folder;
        return;
      }
      current = Date.now();
      act(news);
    };
    socket.onclose = () => {
      if (isForbidden) return;
      if (++failures === MANY_FAILURES) {
        say('live reload has no connection; a proxy must forward Upgrade, and Host or X-Forwarded-Host');
      }
      setTimeout(connect, pause);
      pause = Math.min(2 * pause, LONGEST_PAUSE);
    };
  }

  function act(news) {
    if (news.check) return check();
    if (news.reload) return reload();
    show(news.changed.map(address));
  }

  // Replaces what shows these files, or else reloads.
  function show(urls) {
    let isReplaced = false;
    try {
      isReplaced = urls.every((url) => replace(url));
    } finally {
      // Reload even if `replace` throws.
      if (!isReplaced) reload();
    }
  }

  // The file as it is now; empty if there is none. Throws if the server is away.
  async function freshText() {
    // The address of the page may be another one, if the page is an application.
    const file = version ? address(script.dataset.file) : location.href;
    const response = await fetch(file, { cache: 'no-store' });
    const text = await response.text();
    return response.ok ? text : '';
  }

  const isDocument = (text) => text.includes(' data-version="');
  const pauseFor = (time) => new Promise((done) => setTimeout(done, time));
  const SETTLED = 500;

  // Reloads unless the document still has the version that was loaded, and so do the files that it shows.
  async function check() {
    let changed = null;
    try {
      const text = await freshText();
      if (version && text.includes(' data-version="' + version + '"')) {
        const loaded = filesLoaded();
        const tests = await Promise.all(loaded.map(hasChanged));
        changed = loaded.filter((_, at) => tests[at]).map(({ url }) => url);
      }
    } catch {
      return; // The next connection checks too.
    }
    if (changed) show(changed);
    else reload();
  }

  // The files of the site that the page has loaded, each with the newest entry of the browser about it. What a script
  // asks for may be no file, and of a video the browser loads parts.
  function filesLoaded() {
    const OTHERS = ['audio', 'beacon', 'fetch', 'video', 'xmlhttprequest'];
    const root = address('').href;
    const files = new Map();
    for (const entry of performance.getEntriesByType('resource')) {
      const url = new URL(entry.name);
      if (OTHERS.includes(entry.initiatorType) || !url.href.startsWith(root) || url.pathname.includes('/.docroot/')) continue;
      url.searchParams.delete(CHANGE);
      files.set(url.href, { url, entry });
    }
    return [...files.values()];
  }

  // Whether the file has changed since it was loaded: it came or went, or has another size or a later date. Both dates are
  // the server's, in whole seconds.
  async function hasChanged({ url, entry }) {
    const { ok, headers } = await fetch(url, { method: 'HEAD', cache: 'no-store' });
    const wasOk = !(entry.responseStatus >= 400);
    if (!ok || !wasOk) return ok !== wasOk;
    const size = headers.has('Content-Encoding') ? 0 : Number(headers.get('Content-Length'));
    if (size && entry.encodedBodySize && size !== entry.encodedBodySize) return true;
    const loaded = Date.parse(headers.get('Date')) - (performance.now() - entry.startTime);
    return Date.parse(headers.get('Last-Modified')) >= loaded + 1000;
  }

  // Reloads. A build may have deleted the file and not have written the new one yet.
  async function reload() {
    if (isReloading) return;
    isReloading = true;
    try {
      let isThere = !version || isDocument(await freshText());
      for (let tries = 0; !isThere && tries < 20; tries++) {
        await pauseFor(250);
        isThere = isDocument(await freshText());
        // Until the server has told this change. The new page would reload once more.
        if (isThere) await pauseFor(SETTLED);
      }
      location.reload();
    } catch {
      // The server is away. The next connection checks the file.
      current = 0;
      isReloading = false;
    }
  }

  // Replaces what shows the file. Returns whether that was possible without a reload.
  function replace(url) {
    const isSheet = /\.css$/i.test(url.pathname);
    if (!isSheet && !/\.(avif|bmp|gif|ico|jpe?g|png|svg|webp)$/i.test(url.pathname)) return false;
    const { isUsed, isLeft } = replaceInStyles(url);
    if (isLeft) return false;
    const isShown = isSheet ? replaceSheets(url) : replaceImages(url);
    return isShown || isUsed;
  }

  // Replaces the file in styles: as an image, or with @import. `isUsed` says whether a style uses it, and `isLeft` whether
  // one still uses the old one.
  function replaceInStyles(url) {
    const next = fresh(url.href);
    const found = { isUsed: false, isLeft: false };
    const ADDRESS = /url\((['"]?)(.*?)\1\)/g;
    const uses = (text, base) =>
      [...text.matchAll(ADDRESS)].some((match) => match[2] !== next && isSame(match[2], url, base));
    const change = (style, base) => {
      for (const name of [...style]) {
        const value = style.getPropertyValue(name);
        if (!uses(value, base)) continue;
        const changed = value.replace(ADDRESS, (all, _, address) => isSame(address, url, base) ? `url("${next}")` : all);
        style.setProperty(name, changed, style.getPropertyPriority(name));
      }
    };
    const visitSheet = (sheet) => {
      let rules;
      try {
        rules = sheet.cssRules;
      } catch {
        return; // The sheet is of another origin.
      }
      visit(rules, sheet.href || document.baseURI);
    };
    const visit = (rules, base) => {
      for (const rule of [...rules]) {
        if (rule.styleSheet) visitSheet(rule.styleSheet);
        if (!uses(rule.cssText, base)) continue;
        found.isUsed = true;
        if ('styleSheet' in rule) {
          replaceImport(rule, next);
          continue;
        }
        if (rule.style) change(rule.style, base);
        if (rule.cssRules) visit(rule.cssRules, base);
        // A shorthand with a variable, for example.
        found.isLeft ||= uses(rule.cssText, base);
      }
    };
    [...document.styleSheets, ...(document.adoptedStyleSheets || [])].forEach(visitSheet);
    for (const element of document.querySelectorAll('[style]')) {
      if (!uses(element.getAttribute('style'), document.baseURI)) continue;
      found.isUsed = true;
      change(element.style, document.baseURI);
      found.isLeft ||= uses(element.getAttribute('style'), document.baseURI);
    }
    // A sheet that is loading may have asked for the old file.
    found.isLeft ||= found.isUsed && loading.size > 0;
    return found;
  }

  // Imports another address. The old rule stays until the new sheet has loaded, so the page is never without. No event
  // tells when that is.
  async function replaceImport(rule, address) {
    const sheet = rule.parentStyleSheet;
    const place = () => [...sheet.cssRules].indexOf(rule);
    const at = place() + 1;
    sheet.insertRule(rule.cssText.replace(/url\((['"]?)(.*?)\1\)/, () => `url("${address}")`), at);
    const next = sheet.cssRules[at];
    for (let tries = 0; !next.styleSheet && tries < 100; tries++) await pauseFor(50);
    if (place() >= 0) sheet.deleteRule(place());
    touch(sheet);
  }

  // Chromium may go on to style the page without a sheet that an imported sheet has come to import, until the sheet of the
  // document changes.
  function touch(sheet) {
    while (sheet.parentStyleSheet) sheet = sheet.parentStyleSheet;
    const end = sheet.cssRules.length;
    sheet.insertRule('docroot {}', end);
    sheet.deleteRule(end);
  }

  function replaceSheets(url) {
    const all = [...document.querySelectorAll('link[rel~="stylesheet"][href]')];
    const links = all.filter((link) => isSame(link.href, url));
    const old = new Set([...loading.values()].flat());
    for (const link of links.filter((link) => !old.has(link))) {
      if (link.disabled) {
        link.href = fresh(link.href);
        continue;
      }
      // The old sheet stays until the new one has loaded, so the page is never without.
      const next = link.cloneNode();
      next.href = fresh(link.href);
      loading.set(next, [link, ...(loading.get(link) || [])]);
      loading.delete(link);
      next.onload = next.onerror = () => {
        (loading.get(next) || []).forEach((before) => before.remove());
        loading.delete(next);
      };
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
      // A candidate is an address, and either a comma or what follows up to the next comma.
      const old = element.getAttribute('srcset');
      const next = old.replace(/([^\s,](?:\S*[^\s,])?)(,|[^,]*)/g, (all, address, rest) =>
        isSame(address, url) ? fresh(absolute(address)) + rest : all);
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

  // The address of the file with this path below the root of the site.
  function address(path) {
    const from = folder.split('/').slice(0, -1), to = path.split('/');
    while (from.length && to.length > 1 && from[0] === to[0]) {
      from.shift();
      to.shift();
    }
    return new URL('./' + '../'.repeat(from.length) + to.join('/'), here);
  }

  function absolute(reference, base = document.baseURI) {
    try {
      return new URL(reference, base).href;
    } catch {
      return '';
    }
  }

  function isSame(address, url, base) {
    const whole = absolute(address, base);
    if (!address || !whole) return false;
    const other = new URL(whole);
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
    next.searchParams.set(CHANGE, ++count + '-' + Date.now());
    return next.href;
  }

  connect();
})();
