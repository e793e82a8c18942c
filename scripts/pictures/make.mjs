// Shows the program's output as GitHub, a browser and a terminal do, and keeps pictures of it. See run.
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { marked } from 'marked';
import { chromium } from 'playwright-core';
import sanitize from 'sanitize-html';
import sharp from 'sharp';

const [inputs, made] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const read = (name) => readFileSync(join(inputs, name), 'utf8');
const require = createRequire(import.meta.url);
const mermaid = readFileSync(require.resolve('mermaid/dist/mermaid.min.js'), 'utf8');
const markdownCss = (theme) => readFileSync(require.resolve(`github-markdown-css/github-markdown-${theme}.css`), 'utf8');
const frames = readFileSync(join(here, 'github.css'), 'utf8');

const escape = (text) => text.replace(/[&<>"]/g, (sign) => `&#${sign.charCodeAt(0)};`);

// The elements and attributes that GitHub leaves, as far as the program writes any:
// https://github.com/gjtorikian/html-pipeline/blob/main/lib/html_pipeline/sanitization_filter.rb
const KEPT = {
  allowedTags: 'h1 h2 h3 h4 h5 h6 br b i strong em a pre code img div p ol ul table thead tbody tr td th blockquote details summary sub sup span hr'.split(' '),
  allowedAttributes: { a: ['href'], img: ['src', 'alt'], th: ['align'], td: ['align'], details: ['open'], pre: ['class'], div: ['class'], p: ['class'] },
  allowedSchemes: ['https'],
};

/** Markdown as GitHub shows it: tables, alerts, and Mermaid where it is fenced. */
function github(markdown) {
  const html = sanitize(marked.parse(markdown, { gfm: true }), KEPT);
  return html
    .replace(/<pre><code>gantt[\s\S]*?<\/code><\/pre>|<pre><code>%%[\s\S]*?<\/code><\/pre>/g, (block) => block.replace('<pre><code>', '<div class="mermaid">').replace('</code></pre>', '</div>'))
    .replace(/<blockquote>\s*<p>\[!(\w+)\]\s*/g, (_, kind) => `<blockquote class="markdown-alert markdown-alert-${kind.toLowerCase()}"><p class="markdown-alert-title">${kind[0]}${kind.slice(1).toLowerCase()}</p><p>`);
}

const body = (markdown) => `<div class="markdown-body">${github(markdown)}</div>`;

const annotation = ({ path, line, level, title, message }) => `<div class="annotation ${level}">
<p class="where">${escape(path)}#L${line}</p><p><b>${escape(title)}</b></p><pre>${escape(message)}</pre></div>`;

const check = ({ title, summary, annotations }) => `<div class="check"><span class="state"></span>QA.tech (pln_checkout)</div>
<p class="title">${escape(title)}</p>${body(summary)}
<p class="heading">Annotations</p>${annotations.map(annotation).join('')}`;

const comment = (markdown) => `<div class="box"><div class="bar"><span class="avatar"></span><b>github-actions</b> <span class="label">bot</span> commented</div>${body(markdown)}</div>`;

/** What a terminal shows of a log: `\r` and "erase to the end of the line" are all that the program writes. */
function screen(log) {
  return log.split('\n').map((line) => line.split('\r').at(-1).replaceAll('\x1b[K', ''));
}

/** A terminal after the command, or its last lines after the end. */
function terminal(log, last) {
  const lines = screen(log).filter((line, at, all) => line !== '' || at < all.length - 1).map((line) => {
    const kind = /^ *(failed|errored): |^QA\.tech: Failed/.test(line) ? 'bad' : /^[█░]/.test(line) ? 'live' : '';
    return kind ? `<span class="${kind}">${escape(line)}</span>` : escape(line);
  });
  const prompt = '<span class="prompt">$</span>';
  const shown = last ? ['<span class="quiet">…</span>', ...lines.slice(-last), prompt] : [`${prompt} qatech-run`, ...lines];
  return `<div class="terminal">${shown.join('\n')}</div>`;
}

/** The log as it stands when so large a share of all its live lines has been drawn. */
function upTo(log, share) {
  const frames = Array.from(log.matchAll(/\r\x1b\[K([█░].*?)(?=[\r\n])/g));
  const { index, 0: frame } = frames[Math.floor(frames.length * share)];
  return log.slice(0, index + frame.length);
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM,
  args: ['--disable-gpu', '--font-render-hinting=none', '--disable-lcd-text', '--force-color-profile=srgb', '--hide-scrollbars'],
});

/** Keeps a picture of an element, in few colours so that it is small. */
async function keep(page, name, { selector = '#picture', height } = {}) {
  const box = await page.locator(selector).boundingBox();
  const clip = { ...box, height: Math.min(box.height, height ?? box.height) };
  const png = await page.screenshot({ clip, fullPage: true, animations: 'disabled' });
  const small = await sharp(png).png({ palette: true, colours: 64, dither: 0, effort: 10, compressionLevel: 9 }).toBuffer();
  writeFileSync(join(made, name), small);
}

async function open(theme, width) {
  const context = await browser.newContext({ colorScheme: theme, viewport: { width, height: 900 }, deviceScaleFactor: 2, locale: 'en', timezoneId: 'UTC', reducedMotion: 'reduce' });
  return context.newPage();
}

/** A picture of a page of GitHub's. */
async function onGitHub(name, html, { theme = 'light', width = 900, ...options } = {}) {
  const page = await open(theme, width);
  await page.setContent(`<!doctype html><html data-theme="${theme}"><meta charset="utf-8"><style>${markdownCss(theme)}${frames}</style><body><div id="picture">${html}</div>`);
  if (html.includes('class="mermaid"')) {
    // Folds are open while Mermaid measures its texts.
    await page.addScriptTag({ content: mermaid });
    await page.evaluate(async (dark) => {
      const folded = Array.from(document.querySelectorAll('details:not([open])'));
      folded.forEach((fold) => { fold.open = true; });
      window.mermaid.initialize({ startOnLoad: false, theme: dark ? 'dark' : 'default', securityLevel: 'strict', deterministicIds: true });
      await window.mermaid.run({ querySelector: '.mermaid' });
      folded.forEach((fold) => { fold.open = false; });
    }, theme === 'dark');
  }
  if (options.prepare) await page.evaluate(options.prepare);
  await keep(page, name, options);
  await page.context().close();
}

const themes = ['light', 'dark'];
const summary = read('summary.md');
const checkRun = JSON.parse(read('check.json'));
const log = read('terminal.txt');

const openTimeline = () => {
  const fold = Array.from(document.querySelectorAll('details')).find((details) => details.querySelector('.mermaid'));
  fold.open = true;
  document.querySelector('#picture').replaceChildren(fold);
};
for (const theme of themes) {
  await onGitHub(`summary-${theme}.png`, body(summary), { theme, height: 860 });
  await onGitHub(`timeline-${theme}.png`, body(summary), { theme, prepare: openTimeline });
  const page = await open(theme, 1000);
  await page.goto(pathToFileURL(join(inputs, 'report.html')).href);
  await keep(page, `report-${theme}.png`, { selector: 'body', height: 1230 });
  await page.context().close();
}
await onGitHub('check.png', check(checkRun));
await onGitHub('comment.png', comment(read('comment.md')));
await onGitHub('log.png', terminal(upTo(log, 0.4)), { selector: '.terminal', width: 860 });
await onGitHub('log-end.png', terminal(screen(log).join('\n'), 10), { selector: '.terminal', width: 860 });
await browser.close();
