/**
 * @tatum/client in a real browser, before real relays: a tab gets what a native client publishes, a tab gets what another tab publishes, and
 * the aggregator counts the receipts that the tabs signed.
 *
 * Needs web/client/dist (scripts/browser), and TATUM, the program. It starts a network of its own, unless TATUM_DEVNET names the file
 * that `tatum devnet --json` printed into.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { createDecipheriv, scryptSync } from 'node:crypto';
import { createReadStream, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Checks } from './checks.mjs';

const MESSAGES = 1_000;
const BYTES = 1_024;
const packages = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = packages('playwright-core');
const dist = fileURLToPath(new URL('../../web/client/dist/', import.meta.url));
const tatum = process.env.TATUM ?? 'tatum';
const checks = new Checks();
const { check } = checks;
const endings = [];

try {
  await main();
} finally {
  for (const end of endings.reverse()) await end();
}

async function main() {
  const network = await start();
  const account = (name) => network.accounts.find((account) => account.name === name);
  const files = await serve();
  const browser = await chromium.launch({
    executablePath: process.env.TATUM_BROWSER ?? execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim(),
    args: ['--no-sandbox'],
  });
  endings.push(() => browser.close());
  const options = (name) => ({
    api: network.page,
    trackers: [network.tracker],
    payer: account(name).id,
    sessionKey: secretOf(account(`${name}-session`).file, network.password_file),
  });
  const tab = (name) => openTab(browser, files, options(name));
  const run = Date.now().toString(36);

  await check(`a tab gets ${MESSAGES} messages of a native publisher, in order, and its receipts are counted`, async () => {
    const stream = `client/native-${run}`;
    const reader = await tab('subscriber');
    await subscribe(reader, stream);
    const lines = Array.from({ length: MESSAGES }, (_, n) => `${text(n)}\n`).join('');
    const told = await publish(network, account('publisher'), account('publisher-session'), stream, lines);
    if (told.accepted !== MESSAGES) throw new Error(`relays accepted ${JSON.stringify(told)}`);
    const rate = await received(reader);
    const settled = await finish(reader);
    const counted = await countedBy(network, account('subscriber').id, stream, 'subscriber');
    equal(counted.messages, MESSAGES, 'messages that the aggregator counts');
    equal(settled.messages, MESSAGES, 'messages in receipts that relays acknowledged');
    for (const counts of counted.receipts) await audit(network, counts);
    return `${rate} messages/s; ${counted.receipts.length} receipts of ${counted.bytes} bytes pass the audit`;
  });

  await check(`a tab gets ${MESSAGES} messages of another tab, and the receipts of both are counted`, async () => {
    const stream = `client/tabs-${run}`;
    const [reader, writer] = [await tab('subscriber'), await tab('publisher')];
    await subscribe(reader, stream);
    const accepted = await writer.evaluate(
      async ({ stream, count, bytes }) => {
        const started = performance.now();
        const texts = Array.from({ length: count }, (_, n) => String(n).padStart(8, '0').padEnd(bytes, '.'));
        const published = await Promise.all(texts.map((text) => window.client.publish(stream, text)));
        const sequences = new Set(published.map(({ sequence }) => sequence));
        return { distinct: sequences.size, perSecond: Math.round((count * 1_000) / (performance.now() - started)) };
      },
      { stream, count: MESSAGES, bytes: BYTES },
    );
    equal(accepted.distinct, MESSAGES, 'messages accepted, each by its number');
    const rate = await received(reader);
    await finish(reader);
    await finish(writer);
    const read = await countedBy(network, account('subscriber').id, stream, 'subscriber');
    equal(read.messages, MESSAGES, "messages that the aggregator counts by the reader's receipts");
    const wrote = await countedBy(network, account('publisher').id, stream, 'publisher');
    if (wrote.messages < MESSAGES) throw new Error(`the aggregator counts ${wrote.messages} published messages`);
    return `published ${accepted.perSecond}/s, received ${rate}/s`;
  });

  await check('what a tab may not do it is told, by a code', async () => {
    const writer = await tab('publisher');
    const codes = await writer.evaluate(async () => {
      const code = (promise) => promise.then(() => 'none', (error) => error.code);
      const { client, library } = window;
      const large = await code(client.publish('client/errors', new Uint8Array(33 * 1024)));
      await client.finish();
      const ended = await code(client.publish('client/errors', 'x'));
      const terms = { ...window.options, network: await library.networkOf(window.options.api) };
      const key = await code(library.connect({ ...terms, sessionKey: '00' }));
      const tracker = await code(library.connect({ ...terms, trackers: ['nowhere'] }));
      const away = await code(library.connect({ ...terms, trackers: ['http://127.0.0.1:9'], connectTimeoutMs: 2_000 }));
      return { large, ended, key, tracker, away };
    });
    const expected = { large: 'too_large', ended: 'ending', key: 'invalid_options', tracker: 'invalid_options', away: 'timeout' };
    equal(JSON.stringify(codes), JSON.stringify(expected), 'codes');
  });
  checks.done();
}

function text(n) {
  return String(n).padStart(8, '0').padEnd(BYTES, '.');
}

async function openTab(browser, files, options) {
  const page = await (await browser.newContext()).newPage();
  page.on('pageerror', (error) => {
    console.error(error);
    process.exitCode = 1;
  });
  await page.goto(files);
  await page.evaluate(async (options) => {
    const library = await import('/index.js');
    const network = await library.networkOf(options.api);
    const client = await library.connect({ ...options, network });
    const settled = new Map();
    client.on('settled', (one) => settled.set(`${one.epoch} ${one.node} ${one.role}`, Number(one.messages)));
    client.on('refused', (one) => console.log(JSON.stringify(one)));
    Object.assign(window, { library, client, options, settled });
  }, options);
  return page;
}

/** Begins to read a stream in a tab; settled once a relay serves it. */
async function subscribe(page, stream) {
  await page.evaluate(async (stream) => {
    const subscription = window.client.subscribe(stream);
    await subscription.ready;
    window.got = [];
    window.reading = (async () => {
      const decoder = new TextDecoder();
      for await (const item of subscription) {
        window.got.push(item.type === 'message' ? decoder.decode(item.payload) : JSON.stringify(item, (_, value) => (typeof value === 'bigint' ? `${value}` : value)));
        window.first ??= performance.now();
        window.last = performance.now();
      }
    })();
  }, stream);
}

/** Waits for all messages, and looks at each; gives how many came in a second. */
async function received(page) {
  await page.waitForFunction((count) => window.got.length >= count, MESSAGES, { timeout: 60_000 });
  const { got, ms } = await page.evaluate(() => ({ got: window.got, ms: window.last - window.first }));
  equal(got.length, MESSAGES, 'items');
  got.forEach((item, n) => equal(item, text(n), `item ${n}`));
  return Math.round((MESSAGES * 1_000) / Math.max(ms, 1));
}

/** Ends a tab's client: nothing is left open. */
async function finish(page) {
  const ended = await page.evaluate(async () => {
    const { unsettled } = await window.client.finish();
    await window.reading;
    return { unsettled, messages: [...window.settled.values()].reduce((sum, messages) => sum + messages, 0) };
  });
  equal(ended.unsettled, 0, 'accounts whose last receipt nobody acknowledged');
  await page.context().close();
  return ended;
}

/** What the aggregator counted of a payer's stream in the epochs that closed since; it waits until the running one has. */
async function countedBy(network, payer, stream, role) {
  const { epoch } = await read(`${network.page}v1/network`);
  const first = Math.max(0, epoch - 3);
  const deadline = Date.now() + 90_000;
  for (;;) {
    const all = Array.from({ length: epoch - first + 1 }, (_, n) => list(network, first + n, payer, stream));
    if (all.every((listed) => listed !== undefined)) {
      const ours = all.flat().filter(({ receipt }) => receipt.role === role);
      const sum = (of) => ours.reduce((total, { receipt }) => total + Number(receipt[of]), 0);
      return { receipts: ours, messages: sum('messages'), bytes: sum('bytes') };
    }
    if (Date.now() > deadline) throw new Error(`epoch ${epoch} does not close`);
    await new Promise((later) => setTimeout(later, 500));
  }
}

/** Somebody else convinces himself that a receipt was counted: by its proof file, against what is on the chain. */
async function audit(network, { leaf, receipt }) {
  const path = `/v1/epochs/${receipt.epoch}/receipts/${leaf}`;
  const folder = mkdtempSync(join(tmpdir(), 'tatum-client-'));
  endings.push(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'proof.json');
  writeFileSync(file, await (await fetch(network.aggregator + path)).text());
  const args = ['audit', 'receipt', file, '--on-chain', '--json', '--rpc', network.rpc, '--deployment', network.deployment];
  const deadline = Date.now() + 60_000;
  for (;;) {
    const { status, stdout } = spawnSync(tatum, args, { encoding: 'utf8' });
    if (status === 0) return;
    // An epoch's commitment comes a moment after its receipts.
    if (Date.now() > deadline) throw new Error(`the audit of ${leaf} ended with ${status}: ${stdout}`);
    await new Promise((later) => setTimeout(later, 1_000));
  }
}

/** The receipts of an epoch; none at all until it is closed. */
function list(network, epoch, payer, stream) {
  const args = ['receipts', 'list', '--json', '--epoch', `${epoch}`, '--payer', payer, '--stream', stream, '--aggregator', network.aggregator];
  try {
    return JSON.parse(execFileSync(tatum, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }));
  } catch {
    return undefined;
  }
}

async function read(url) {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} answers ${response.status}`);
  return response.json();
}

/** Publishes lines by the program, as people do. */
function publish(network, payer, session, stream, lines) {
  const args = ['publish', stream, '--json', '--payer', payer.id, '--session-keystore', session.file, '--tracker', network.tracker];
  args.push('--password-file', network.password_file, '--rpc', network.rpc, '--deployment', network.deployment);
  const publisher = spawn(tatum, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  publisher.stdin.end(lines);
  return new Promise((told, failed) => {
    let said = '';
    publisher.stdout.on('data', (data) => (said += data));
    publisher.on('close', (code) => (code === 0 ? told(JSON.parse(said)) : failed(new Error(`publishing ended with ${code}: ${said}`))));
  });
}

/** Starts a network, and waits until it is ready. */
async function start() {
  if (process.env.TATUM_DEVNET) return JSON.parse(readFileSync(process.env.TATUM_DEVNET, 'utf8'));
  const folder = mkdtempSync(join(tmpdir(), 'tatum-client-'));
  endings.push(() => rmSync(folder, { recursive: true, force: true }));
  const [out, log] = [join(folder, 'out.json'), join(folder, 'log')];
  const args = ['devnet', '--json', '--free-ports', '--epoch-length', '20', '--relays', '3', '--data', join(folder, 'net')];
  const devnet = spawn(tatum, args, { stdio: ['ignore', openSync(out, 'w'), openSync(log, 'w')] });
  const ended = new Promise((over) => devnet.on('close', over));
  endings.push(() => (devnet.kill('SIGINT'), ended));
  const deadline = Date.now() + 120_000;
  for (;;) {
    try {
      return JSON.parse(readFileSync(out, 'utf8'));
    } catch {
      if (devnet.exitCode !== null || Date.now() > deadline) throw new Error(`no network:\n${readFileSync(log, 'utf8')}`);
      await new Promise((later) => setTimeout(later, 250));
    }
  }
}

/** Serves the package as any site would, on an empty page. */
async function serve() {
  const types = { '.js': 'text/javascript', '.wasm': 'application/wasm' };
  const policy = "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src *";
  const server = createServer((request, response) => {
    const name = new URL(request.url, 'http://localhost').pathname.slice(1);
    if (name === '') {
      return response.setHeader('content-type', 'text/html').setHeader('content-security-policy', policy).end('<!doctype html><title>tab</title>');
    }
    const type = types[extname(name)];
    if (!type || !/^[\w.]+$/.test(name)) return response.writeHead(404).end();
    response.setHeader('content-type', type);
    return createReadStream(join(dist, name)).on('error', () => response.writeHead(404).end()).pipe(response);
  });
  await new Promise((listening) => server.listen(0, '127.0.0.1', listening));
  endings.push(() => server.close());
  return `http://127.0.0.1:${server.address().port}/`;
}

/** The secret in an encrypted key file (Web3 Secret Storage, version 3), as its owner would type it. */
function secretOf(file, passwordFile) {
  const { crypto } = JSON.parse(readFileSync(file, 'utf8'));
  const { n, r, p, dklen, salt } = crypto.kdfparams;
  const password = readFileSync(passwordFile, 'utf8').replace(/\r?\n$/, '');
  const key = scryptSync(password, Buffer.from(salt, 'hex'), dklen, { N: n, r, p, maxmem: 512 * 1024 * 1024 });
  const decipher = createDecipheriv('aes-128-ctr', key.subarray(0, 16), Buffer.from(crypto.cipherparams.iv, 'hex'));
  return decipher.update(Buffer.from(crypto.ciphertext, 'hex')).toString('hex');
}

function equal(got, expected, what) {
  if (got !== expected) throw new Error(`${what}: expected ${expected}, got ${got}`);
}
