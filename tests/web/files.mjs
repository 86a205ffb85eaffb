/** The page's files as they are served: how much is loaded at first, under which names, with which policy. */
import { gzipSync } from 'node:zlib';

const MOST_BYTES = 150_000;
const MOST_JS_BYTES = 120_000;

/** Loads the page as somebody does who comes for the first time, and looks at each answer. */
export async function assertFiles({ browser, api }) {
  const context = await browser.newContext();
  const page = await context.newPage();
  const files = [];
  page.on('response', (response) => files.push(response));
  await page.goto(`${api}/`);
  await page.locator('canvas, .chart .empty').first().waitFor();
  let [all, scripts] = [0, 0];
  for (const response of files) {
    const path = new URL(response.url()).pathname;
    if (path.startsWith('/v1/')) continue;
    const size = gzipSync(await response.body(), { level: 9 }).length;
    all += size;
    if (path.endsWith('.js')) scripts += size;
    const headers = response.headers();
    if (path === '/') assertPolicy(headers);
    else assertKept(path, headers);
  }
  await context.close();
  if (scripts === 0 || scripts > MOST_JS_BYTES) throw new Error(`${scripts} bytes of JavaScript, at most ${MOST_JS_BYTES}`);
  if (all > MOST_BYTES) throw new Error(`${all} bytes at first, at most ${MOST_BYTES}`);
  return `${(all / 1000).toFixed(1)} kB gzipped, ${(scripts / 1000).toFixed(1)} kB of it JavaScript`;
}

function assertPolicy(headers) {
  const policy = headers['content-security-policy'] ?? '';
  for (const part of ["default-src 'none'", "frame-ancestors 'none'", "script-src 'self'", "style-src 'self'"]) {
    if (!policy.includes(part)) throw new Error(`the policy lacks ${part}: ${policy}`);
  }
  // Not even WebAssembly's: that is for the file of the worker alone, which has no document.
  for (const part of ['unsafe-', '*', 'http:', 'https:']) {
    if (policy.includes(part)) throw new Error(`the policy has ${part}: ${policy}`);
  }
  if (headers['x-content-type-options'] !== 'nosniff') throw new Error('the page is served without nosniff');
  if (!headers['referrer-policy']) throw new Error('the page is served without a Referrer-Policy');
  if (/immutable/.test(headers['cache-control'] ?? '')) throw new Error('index.html would be kept for ever');
}

function assertKept(path, headers) {
  if (!/^\/assets\/[\w-]+-[\w-]{8}\.\w+$/.test(path)) throw new Error(`${path} has no hash of its content in its name`);
  if (!/immutable/.test(headers['cache-control'] ?? '')) throw new Error(`${path} is not kept`);
}
