(() => {
  'use strict';
  const filter = document.getElementById('filter');
  if (!filter) return;
  const items = Array.from(document.querySelectorAll('.case'));
  const chips = Array.from(filter.querySelectorAll('[data-outcome]'));
  const input = document.getElementById('text');
  const shown = document.getElementById('shown');
  const empty = document.getElementById('empty');
  const texts = new Array(items.length);
  // What QA.tech said, and no words of the page itself.
  const said = '.name, .title, .of, .said, .reasoning, .more dd';
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
  filter.hidden = false;
})();
