// What must hold of the HTML report in a browser. Started by `run`, which sets CHROMIUM, HTML_PAGES and SHOTS.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const folder = process.env.HTML_PAGES;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const names = readdirSync(folder).filter((name) => name.endsWith('.html')).map((name) => name.slice(0, -5));
const small = names.filter((name) => name !== 'ten-thousand');
const address = (name) => pathToFileURL(join(folder, `${name}.html`)).href;

let browser;
before(async () => {
  browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--disable-gpu'] });
});
after(() => browser?.close());

/** Opens a page and notes all that a good page has none of. */
async function open(name, { url = address(name), ...options } = {}) {
  const context = await browser.newContext({ viewport: { width: 1200, height: 900 }, ...options });
  const page = await context.newPage();
  const noise = [];
  page.on('console', (message) => noise.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => noise.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => { noise.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  context.on('request', (request) => {
    if (request.url() !== url && !request.url().startsWith('data:')) noise.push(`request: ${request.url()}`);
  });
  await page.goto(url, { waitUntil: 'load', timeout: 60_000 });
  return { page, noise, context };
}

/** No finding of axe-core, of whatever impact. */
async function accessible(page) {
  // Off-screen cases have no colours until they are laid out.
  await page.evaluate(() => {
    for (const sheet of document.styleSheets) sheet.insertRule('.case { content-visibility: visible !important }', sheet.cssRules.length);
  });
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe);
  const { violations, passes } = await page.evaluate(() => window.axe.run({ resultTypes: ['violations'] }));
  assert.ok(passes.length > 10, 'axe-core looked at something');
  assert.deepEqual(violations.map((violation) => [violation.id, violation.nodes.slice(0, 3).map((node) => node.html.slice(0, 300) + node.failureSummary)]), []);
}

for (const name of small) {
  for (const colorScheme of ['light', 'dark']) {
    test(`${name}, ${colorScheme}: quiet, accessible, nothing leaves`, async () => {
      const { page, noise, context } = await open(name, { colorScheme });
      await page.waitForTimeout(50);
      assert.deepEqual(noise, []);
      await page.screenshot({ path: join(process.env.SHOTS, `${name}-${colorScheme}.png`) });
      await accessible(page);
      // As a phone shows it, all cases open.
      await page.setViewportSize({ width: 390, height: 844 });
      await page.evaluate(() => { for (const item of document.querySelectorAll('details')) item.open = true; });
      await accessible(page);
      await context.close();
    });
  }

  test(`${name}: fits a narrow screen`, async () => {
    const { page, noise, context } = await open(name, { viewport: { width: 360, height: 740 } });
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
    assert.equal(overflow, 0);
    await page.screenshot({ path: join(process.env.SHOTS, `${name}-narrow.png`) });
    assert.deepEqual(noise, []);
    await context.close();
  });
}

test('served by HTTP, the page asks for nothing else', async () => {
  const asked = [];
  const server = createServer((request, response) => {
    asked.push(request.url);
    response.setHeader('content-type', 'text/html; charset=utf-8');
    response.end(readFileSync(join(folder, 'shop.html')));
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { page, noise, context } = await open('shop', { url: `http://127.0.0.1:${server.address().port}/` });
  await page.waitForTimeout(300);
  assert.deepEqual(asked, ['/']);
  assert.deepEqual(noise, []);
  await context.close();
  server.close();
});

const visible = (page) => page.locator('.case:visible').count();

test('the filter works by mouse, by keyboard and by text', async () => {
  const { page, noise, context } = await open('shop');
  assert.equal(await visible(page), 14);
  await page.click('[data-outcome=failed].chip');
  assert.equal(await visible(page), 2);
  assert.equal(await page.textContent('#shown'), '2 of 14 shown');
  await page.focus('[data-outcome=flaky].chip');
  await page.keyboard.press('Space');
  assert.equal(await visible(page), 3);
  await page.click('[data-outcome=failed].chip');
  await page.click('[data-outcome=flaky].chip');
  assert.equal(await visible(page), 14);
  // In a reason that is folded away, in another case of letters.
  await page.fill('#text', 'THIRD letter');
  await page.waitForFunction(() => document.getElementById('shown').textContent === '1 of 14 shown');
  assert.match(await page.locator('.case:visible .name').innerText(), /Search for a product/);
  // By an id, and not by the words of the page.
  await page.fill('#text', 'case_3');
  await page.waitForFunction(() => document.getElementById('shown').textContent === '1 of 14 shown');
  await page.fill('#text', 'smk2');
  await page.waitForSelector('#empty:visible');
  await page.fill('#text', 'seen running from');
  await page.waitForSelector('#empty:visible');
  await page.fill('#text', 'no such words');
  await page.waitForSelector('#empty:visible');
  await page.fill('#text', '');
  await page.waitForFunction(() => document.getElementById('shown').textContent === '');
  assert.equal(await visible(page), 14);
  await page.click('#close-all');
  assert.equal(await page.locator('.case details[open]').count(), 0);
  await page.locator('.case summary').nth(5).focus();
  await page.keyboard.press('Enter');
  assert.equal(await page.locator('.case details[open]').count(), 1);
  await page.click('#open-all');
  assert.equal(await page.locator('.case details[open]').count(), 14);
  assert.deepEqual(noise, []);
  await context.close();
});

test('failed cases are open at first, and the others closed', async () => {
  const { page, context } = await open('shop');
  const states = await page.$$eval('.case', (items) => items.map((item) => [item.dataset.outcome, item.querySelector('details').open]));
  for (const [outcome, open] of states) assert.equal(open, ['failed', 'errored'].includes(outcome), outcome);
  const flaky = page.locator('.case.flaky');
  assert.equal(await flaky.locator('.attempt').count(), 2);
  assert.match(await flaky.locator('.attempt').first().textContent(), /nothing happened for 20 seconds/);
  await context.close();
});

test('without JavaScript everything can be read', async () => {
  const { page, noise, context } = await open('shop', { javaScriptEnabled: false });
  assert.equal(await page.locator('#filter').isVisible(), false);
  assert.equal(await visible(page), 14);
  await page.locator('.case.flaky summary').click();
  assert.equal(await page.locator('.case.flaky .reasoning').first().isVisible(), true);
  assert.deepEqual(noise, []);
  await context.close();
});

test('on paper, folded cases are open and the filter is gone', async () => {
  const { page, context } = await open('shop');
  await page.emulateMedia({ media: 'print' });
  assert.equal(await page.locator('#filter').isVisible(), false);
  const box = await page.locator('.case.flaky .reasoning').first().boundingBox();
  assert.ok(box && box.height > 10);
  await page.emulateMedia({ media: 'screen' });
  await page.click('[data-outcome=flaky].chip');
  await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
  assert.equal(await page.locator('#shown').isVisible(), true);
  assert.equal(await page.textContent('#shown'), '1 of 14 shown');
  assert.equal(await page.locator('#text').isVisible(), false);
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), 'rgb(255, 255, 255)');
  await page.screenshot({ path: join(process.env.SHOTS, 'shop-print.png'), fullPage: true });
  await context.close();
});

test('a screenshot is shown, and enlarged by a click without script', async () => {
  const { page, noise, context } = await open('everything', { javaScriptEnabled: false });
  const shot = page.locator('.case.failed .shot').first();
  const image = shot.locator('img');
  await image.scrollIntoViewIfNeeded();
  assert.ok(await image.evaluate((element) => element.complete && element.naturalWidth === 960));
  const before = await image.boundingBox();
  assert.ok(before.height <= 240, `${before.height}`);
  assert.equal(await shot.locator('.shrink').isVisible(), false);
  await image.click();
  const after = await image.boundingBox();
  assert.ok(after.height > 2 * before.height, `${before.height} to ${after.height}`);
  await page.screenshot({ path: join(process.env.SHOTS, 'everything-enlarged.png') });
  await shot.locator('.shrink').click();
  assert.equal((await image.boundingBox()).height, before.height);
  // By keyboard, too.
  await shot.locator('.enlarge').focus();
  await page.keyboard.press('Enter');
  assert.equal((await image.boundingBox()).height, after.height);
  assert.deepEqual(noise, []);
  await context.close();
});

/** The clipboard after a click on a button, which says for a moment that it was copied. */
async function copied(page, button) {
  const element = await button.elementHandle();
  const label = await button.textContent();
  await button.click();
  await page.waitForFunction((element) => element.textContent === 'Copied', element);
  const text = await page.evaluate(() => navigator.clipboard.readText());
  await page.waitForFunction(([element, label]) => element.textContent === label, [element, label]);
  return text;
}
const clipboard = { permissions: ['clipboard-read', 'clipboard-write'] };

test('a failure is copied as Markdown', async () => {
  const { page, noise, context } = await open('everything', clipboard);
  const text = await copied(page, page.locator('.case.failed', { hasText: 'Pay with a saved card' }).locator('.copy'));
  assert.match(text, /^### Pay with a saved card\n\nCould not find the pay button\n\n```\nI opened the basket/);
  assert.match(text, /\n- <https:\/\/app\.qa\.tech\/c\/case_2>/);
  assert.equal(await page.locator('.case.passed .copy').count(), 0);
  assert.deepEqual(noise, []);
  await context.close();
});

test('hostile text stays text in copied Markdown', async () => {
  const { page, context } = await open('hostile', clipboard);
  const text = await copied(page, page.locator('.case.failed .copy').first());
  const [heading, ...rest] = text.split('\n');
  assert.match(heading, /^### /);
  assert.ok(!/(^|[^\\])[<@[\]]/.test(heading), heading);
  const fence = rest.find((line) => /^`{3,}$/.test(line));
  assert.ok(rest.filter((line) => line === fence).length % 2 === 0, 'each fence is closed');
  await context.close();
});

test('suggested lines for the quarantine list can be copied', async () => {
  const { page, noise, context } = await open('everything', clipboard);
  await page.click('#h-trend');
  const section = page.locator('.suggestions');
  const line = await section.locator('.line').first().innerText();
  assert.match(line, / until 2026-01-15 # flaky at night, see #12$/);
  assert.equal(await copied(page, section.locator('.copy-line').first()), `${line}\n`);
  assert.deepEqual(noise, []);
  await context.close();
});

test('on a narrow screen a copy button keeps its word on one line', async () => {
  const { page, context } = await open('everything', { viewport: { width: 390, height: 844 } });
  await page.click('#h-trend');
  assert.ok((await page.locator('.copy-line').first().boundingBox()).height < 40);
  await context.close();
});

test('trend and timeline are folded where failures are what people came for', async () => {
  const { page, context } = await open('everything');
  assert.equal(await page.locator('.fold[open]').count(), 0);
  const trend = page.locator('.fold', { has: page.locator('#h-trend') });
  // What changed is in the line that stays.
  assert.match(await trend.locator('> summary').innerText(), /1 new failure, \d+ still failing, 1 fixed/);
  await context.close();
});

test('on paper, the table of earlier results is whole', async () => {
  const { page, context } = await open('everything', { viewport: { width: 700, height: 1000 } });
  await page.emulateMedia({ media: 'print' });
  const scroll = page.locator('.scroll');
  assert.ok((await scroll.boundingBox()).height > 200);
  assert.equal(await scroll.evaluate((box) => box.scrollWidth - box.clientWidth), 0);
  await context.close();
});

test('failures in quarantine have a list of their own, with reason and date, and are closed', async () => {
  const { page, context } = await open('everything');
  const group = page.locator('h3.group + .cases');
  assert.equal(await group.count(), 1);
  assert.match(await page.textContent('h3.group'), /^Failed in quarantine/);
  assert.equal(await group.locator('.case').count(), 1);
  assert.match(await group.locator('.mark.why').innerText(), /flaky at night, see #12, until 2026-12-31/);
  assert.equal(await group.locator('details[open]').count(), 0);
  // A filter that leaves none of them leaves no heading either.
  await page.click('[data-outcome=passed].chip');
  assert.equal(await page.locator('h3.group').isVisible(), false);
  await page.click('[data-outcome=passed].chip');
  assert.equal(await page.locator('h3.group').isVisible(), true);
  await context.close();
});

const ELEMENTS = new Set(('html head meta title link style body a header div p bdi h1 h2 h3 span table thead tbody tr th td dl dt dd main section svg rect line '
  + 'text title foreignObject ul ol li b code figure figcaption img input button details summary footer script').split(' '));
const ATTRIBUTES = new Set(('lang charset http-equiv content name rel href class id type placeholder aria-label aria-labelledby aria-live '
  + 'aria-pressed aria-hidden role autocomplete spellcheck hidden open tabindex dir data-outcome data-count width height x y x1 x2 y1 y2 '
  + 'src alt decoding rx scope text-anchor overflow focusable title').split(' '));

test('hostile text shows as text and makes no markup', async () => {
  const { page, noise, context } = await open('hostile');
  const found = await page.evaluate(() => Array.from(document.querySelectorAll('*'), (element) => [element.localName, element.getAttributeNames(), element.getAttribute('href')]));
  for (const [element, attributes, href] of found) {
    assert.ok(ELEMENTS.has(element), element);
    for (const attribute of attributes) assert.ok(ATTRIBUTES.has(attribute), `${element} ${attribute}`);
    if (href !== null) assert.match(href, /^(https:\/\/|#|data:,$)/);
  }
  await page.click('#open-all');
  const text = await page.innerText('main');
  for (const words of ['</script><script>alert(1)</script>', '--><img src=x onerror=alert(1)><!--', '" onmouseover="alert(1)" x=\'', '&lt;b&gt; &#0; &unknown; %25', '漢字']) {
    assert.ok(text.includes(words), words);
  }
  assert.deepEqual(noise, []);
  await context.close();
});

test('ten thousand cases load, filter and scroll', { timeout: 120_000 }, async () => {
  const { page, noise, context } = await open('ten-thousand');
  assert.equal(await page.locator('.case').count(), 10_000);
  await page.click('[data-outcome=failed].chip');
  await page.fill('#text', 'case number 9003');
  await page.waitForFunction(() => document.getElementById('shown').textContent === '1 of 10,000 shown', null, { timeout: 60_000 });
  await page.screenshot({ path: join(process.env.SHOTS, 'ten-thousand.png') });
  assert.deepEqual(noise, []);
  await context.close();
});
