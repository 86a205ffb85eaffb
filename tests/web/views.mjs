/** Every view in both colour schemes, on a phone and on a desktop: axe's rules, nothing wider than the screen, all of it reached by keyboard. */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { announce } from './wallets.mjs';
import { readJson } from './checks.mjs';

const packages = createRequire(new URL('../../web/package.json', import.meta.url));
const axe = readFileSync(packages.resolve('axe-core/axe.min.js'), 'utf8');
const SCHEMES = ['light', 'dark'];
const WIDTHS = [390, 1280];

/** All of them, or those of one part. */
export async function visitEveryView({ browser, api, chain, account, right }, shots, only = '') {
  const views = (await viewsOf(api, account)).filter((view) => view.startsWith(only));
  if (views.length === 0) throw new Error(`no view is of ${only}`);
  for (const colorScheme of SCHEMES) {
    for (const width of WIDTHS) {
      const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 }, reducedMotion: 'reduce' });
      await announce(context, chain, [{ name: 'first', account, chain: right }]);
      await context.addInitScript(() => localStorage.setItem('tatum.wallet', 'test.first'));
      const page = await context.newPage();
      for (const view of views) {
        await page.goto(`${api}/#/${view}`);
        await page.locator('#page h1').waitFor();
        await page.waitForLoadState('networkidle').catch(() => undefined);
        await settled(page);
        for (const summary of await page.locator('.chart summary').all()) await summary.click();
        const place = `${view}, ${colorScheme}, ${width} px`;
        await assertAccessible(page, place);
        if (shots)
          await page.screenshot({ path: `${shots}/${view.replaceAll('/', '_')}-${colorScheme}-${width}.png`, fullPage: true });
        if (colorScheme === 'light') await assertKeyboard(page, place);
      }
      await context.close();
    }
  }
  return `${views.length * SCHEMES.length * WIDTHS.length} times`;
}

async function viewsOf(api, account) {
  const { operators } = await readJson(api, '/v1/operators?limit=1');
  const epochs = await readJson(api, '/v1/epochs?limit=50').catch(() => []);
  const rooted = epochs.find((epoch) => epoch.root);
  const views = ['network', 'publisher', `publisher/${account}`, 'operator', 'delegator', `delegator/${account}`, 'auditor', 'nowhere'];
  if (operators[0]) views.push(`operator/${operators[0].id}`, `delegator/${operators[0].id}`);
  const { operators: own } = await readJson(api, `/v1/accounts/${account}`);
  for (const id of own.slice(0, 2)) views.push(`operator/${id}`);
  const { delegations } = await readJson(api, `/v1/accounts/${account}/delegations`);
  if (delegations[0]) views.push(`delegator/${delegations[0].operator}`);
  views.push('sponsor', `sponsor/account/${account}`, `sponsor/owner/${account}`);
  const { vaults } = await readJson(api, '/v1/sponsors?limit=2');
  for (const { vault } of vaults) views.push(`sponsor/${vault.toLowerCase()}`);
  const { streams } = await readJson(api, '/v1/streams?limit=1');
  if (streams[0]) views.push(`network/${streams[0].stream}`);
  if (epochs[0]) views.push(`auditor/${epochs[0].epoch}`);
  if (rooted) for (const part of ['', '/receipts', '/proof/0', '/payout/0']) views.push(`auditor/${rooted.epoch}${part}`);
  return [...new Set(views)];
}

/** Waits until nothing says that it is loading. */
async function settled(page) {
  await page.waitForFunction(() => ![...document.querySelectorAll('.empty')].some((one) => one.textContent === 'Loading…'));
}

async function assertAccessible(page, place) {
  await page.evaluate(axe);
  const violations = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] });
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 200)).join(' | ')}`);
  });
  if (violations.length > 0) throw new Error(`${place}:\n${violations.join('\n')}`);
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
  if (wide > 0) throw new Error(`${place}: ${wide} px wider than the screen`);
}

/** By Tab alone one comes to every control, each is seen where it is, and the focus is shown. */
async function assertKeyboard(page, place) {
  const controls = await page.evaluate(() => {
    // So that Tab begins at the top, wherever was clicked before.
    document.body.tabIndex = -1;
    document.body.focus();
    document.body.removeAttribute('tabindex');
    const all = 'a[href], button:not(:disabled), input, select, textarea, summary, [tabindex="0"]';
    const seen = [...document.querySelectorAll(all)].filter((one) => one.checkVisibility());
    // A group of radio buttons is one stop.
    const groups = new Set();
    return seen.filter((one) => one.type !== 'radio' || (!groups.has(one.name) && groups.add(one.name))).length;
  });
  const reached = new Set();
  for (let step = 0; step < controls + 2; step += 1) {
    await page.keyboard.press('Tab');
    const [path, outlined] = await page.evaluate(() => {
      const one = document.activeElement;
      if (!one || one === document.body) return [null, true];
      window.tatumStops ??= new Map();
      if (!window.tatumStops.has(one)) window.tatumStops.set(one, window.tatumStops.size);
      return [window.tatumStops.get(one), getComputedStyle(one).outlineStyle !== 'none'];
    });
    if (path === null) break;
    reached.add(path);
    if (!outlined) throw new Error(`${place}: the focus is not seen on stop ${path}`);
  }
  if (reached.size < controls) throw new Error(`${place}: Tab comes to ${reached.size} of ${controls} controls`);
}
