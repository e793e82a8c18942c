(() => {
  'use strict';
  const filter = document.getElementById('filter');
  if (!filter) return;
  const items = Array.from(document.querySelectorAll('.case'));
  const groups = document.querySelectorAll('h3.group');
  const chips = Array.from(filter.querySelectorAll('[data-outcome]'));
  const input = document.getElementById('text');
  const shown = document.getElementById('shown');
  const empty = document.getElementById('empty');
  const texts = new Array(items.length);
  // What QA.tech said, and no words of the page itself.
  const said = '.name, .title, .of, .said, .reasoning, .more dd, .why';
  const textOf = (at) => (texts[at] ??= Array.from(items[at].querySelectorAll(said), (part) => part.textContent).join('\n').toLowerCase());

  const apply = () => {
    const wanted = new Set(chips.filter((chip) => chip.ariaPressed === 'true').map((chip) => chip.dataset.outcome));
    const words = input.value.trim().toLowerCase();
    let count = 0;
    items.forEach((item, at) => {
      const fits = (wanted.size === 0 || wanted.has(item.dataset.outcome)) && (words === '' || textOf(at).includes(words));
      item.hidden = !fits;
      if (fits) count += 1;
    });
    for (const heading of groups) heading.hidden = !heading.nextElementSibling.querySelector('.case:not([hidden])');
    shown.textContent = count === items.length ? '' : `${count.toLocaleString('en')} of ${items.length.toLocaleString('en')} shown`;
    empty.hidden = count > 0;
  };

  let waiting;
  input.addEventListener('input', () => {
    clearTimeout(waiting);
    waiting = setTimeout(apply, 100);
  });
  for (const chip of chips) {
    chip.addEventListener('click', () => {
      chip.ariaPressed = String(chip.ariaPressed !== 'true');
      apply();
    });
  }
  const setOpen = (open) => {
    for (const item of items) {
      if (!item.hidden) item.querySelector('details').open = open;
    }
  };
  document.getElementById('open-all').addEventListener('click', () => setOpen(true));
  document.getElementById('close-all').addEventListener('click', () => setOpen(false));

  // A ticket in Markdown: others' words go into code, in a fence that is longer than any in them.
  const code = (text) => {
    const fence = '`'.repeat(Math.max(2, ...Array.from(text.matchAll(/`+/g), (run) => run[0].length)) + 1);
    return `${fence}\n${text}\n${fence}`;
  };
  const plain = (text) => text.trim().replace(/\s+/g, ' ').replace(/[\\`*_{}[\]<>()#+\-!|~@]/g, '\\$&');
  const ticket = (item) => {
    const all = (selector) => Array.from(item.querySelectorAll(selector), (part) => part.textContent.trim()).filter(Boolean);
    const parts = [`### ${plain(all('.name')[0] ?? '')}`];
    parts.push(...all('.title').map(plain), ...all('.reasoning').map(code));
    const links = Array.from(item.querySelectorAll('.attempt a[href^="https:"]'), (link) => `- <${link.href}>`);
    parts.push([...new Set(links)].join('\n'));
    return parts.filter(Boolean).join('\n\n') + '\n';
  };
  const copy = async (text) => {
    try {
      await navigator.clipboard.writeText(text);
      return true;
    } catch {
      const area = document.createElement('textarea');
      area.value = text;
      document.body.append(area);
      area.select();
      const done = document.execCommand('copy');
      area.remove();
      return done;
    }
  };
  const copies = (button, text) => {
    const label = button.textContent;
    let back;
    button.hidden = false;
    button.addEventListener('click', async () => {
      button.textContent = (await copy(text())) ? 'Copied' : 'The browser does not allow it';
      button.focus();
      clearTimeout(back);
      back = setTimeout(() => { button.textContent = label; }, 2000);
    });
  };
  for (const item of items) {
    const button = item.querySelector('.copy');
    if (button) copies(button, () => ticket(item));
  }
  for (const button of document.querySelectorAll('.copy-line')) {
    copies(button, () => `${button.previousElementSibling.textContent}\n`);
  }
  filter.hidden = false;
})();
