/** What is said when the server answers late or no more, or its chain stands still; and what becomes of who is faster than the page. */
import { readJson } from './checks.mjs';
import { equal } from './world.mjs';

/** Far longer than what is shown waits to be read again. */
const SLOW_MS = 6_000;

export async function silence(world) {
  const { api, check, browser } = world;
  await check('a server that takes longer than it is between two blocks is waited for', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    let asked = 0;
    await page.route('**/v1/network', async (route) => {
      asked += 1;
      await new Promise((done) => setTimeout(done, SLOW_MS));
      await route.continue().catch(() => {});
    });
    await page.goto(`${api}/#/network`);
    await page.getByRole('region', { name: 'Contracts', exact: true }).waitFor({ timeout: 3 * SLOW_MS });
    await context.close();
    return `asked ${asked} times`;
  });
  await check('whoever goes on before the page listens arrives all the same', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    // As soon as the first view stands: what listens is started after it.
    await page.addInitScript(() => {
      const seen = new MutationObserver(() => {
        if (!document.querySelector('h1')) return;
        seen.disconnect();
        location.hash = '#/auditor';
      });
      seen.observe(document, { childList: true, subtree: true });
    });
    await page.goto(`${api}/#/network`);
    await page.getByRole('heading', { level: 1, name: 'Epochs' }).waitFor({ timeout: SLOW_MS });
    await context.close();
  });
  await check('after 60 s without an answer it says since when there is no chain node', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.clock.install();
    await page.goto(`${api}/#/network`);
    await page.getByRole('region', { name: 'Contracts', exact: true }).waitFor();
    await page.route('**/v1/**', (route) => route.abort());
    await page.clock.runFor(50_000);
    equal(await page.getByText('No chain node answers since').count(), 0);
    await page.clock.runFor(30_000);
    await page.getByText(/No chain node answers since .*All figures are as of block/).waitFor();
    await page.unroute('**/v1/**');
    await page.clock.runFor(20_000);
    await page.getByText('No chain node answers since').waitFor({ state: 'detached' });
    await context.close();
  });
  await check('after 60 s with the same block it says since when there is no new one', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const frozen = await readJson(api, '/v1/network');
    // Whatever is asked for: one figure of a newer block is a new block. What is asked as the page closes is not answered any more.
    await page.route('**/v1/**', (route) => frozenAnswer(route, frozen.as_of).catch(() => {}));
    await page.clock.install();
    await page.goto(`${api}/#/network`);
    await page.getByRole('region', { name: 'Contracts', exact: true }).waitFor();
    await page.clock.runFor(50_000);
    equal(await page.getByText('There is no new block since').count(), 0);
    await page.clock.runFor(30_000);
    await page.getByText(/There is no new block since .*All figures are as of block/).waitFor();
    await context.close();
  });
}

/** Answers as the server does, but as of that block. */
async function frozenAnswer(route, asOf) {
  if (route.request().url().endsWith('/v1/events')) return route.abort();
  const response = await route.fetch();
  const json = await response.json();
  return route.fulfill({ response, json: json.as_of ? { ...json, as_of: asOf } : json });
}
