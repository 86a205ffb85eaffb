/** What all parts of the test share: the browser, the chain, the server, and how one gets a page with wallets, and a key. */
import { execFileSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { Checks, readJson, until } from './checks.mjs';
import { announce, chainAt } from './wallets.mjs';

const packages = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = packages('playwright-core');

/** Starts the browser, and finds out whose accounts there are. */
export async function enter() {
  const api = required('TATUM_API').replace(/\/$/, '');
  const chain = chainAt(required('TATUM_RPC'));
  const checks = new Checks();
  const network = await readJson(api, '/v1/network');
  const right = `0x${network.chain_id.toString(16)}`;
  const [account, ...others] = (await chain('eth_accounts')).map((account) => account.toLowerCase());
  const browser = await chromium.launch({
    executablePath: process.env.TATUM_BROWSER ?? execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim(),
    args: ['--no-sandbox'],
  });

  /** A page with the wallets: it fails on its own errors and on requests to another origin. */
  async function open(path, wallets = [{ name: 'first', account, chain: right }]) {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    await announce(context, chain, wallets);
    const page = await context.newPage();
    page.setDefaultTimeout(20_000);
    checks.watch(page, api);
    await page.goto(`${api}/${path}`);
    return page;
  }

  async function post(path, body) {
    const response = await fetch(api + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path} answers ${response.status}: ${await response.text()}`);
    return response.json();
  }

  /** Goes on to the next epoch: by waiting where epochs are short, for the chain's services go by the clock; else by moving the chain's clock. */
  async function nextEpoch() {
    const { epoch, epoch_ends_at_s, epoch_length_s } = await readJson(api, '/v1/network');
    const { timestamp } = await chain('eth_getBlockByNumber', ['latest', false]);
    const left = epoch_ends_at_s - Number(timestamp);
    if (epoch_length_s > 30) {
      await chain('evm_increaseTime', [left]);
      await chain('evm_mine');
    }
    await until('the epoch has passed', async () => (await readJson(api, '/v1/network')).epoch > epoch);
  }

  const { check } = checks;
  return { api, chain, checks, check, network, right, account, others, browser, open, post, nextEpoch };
}

export async function connect(page, name) {
  await page.locator('#wallets > summary').click();
  await page.locator('#wallets').getByRole('button', { name, exact: true }).click();
  await page.locator('#wallets > summary', { hasText: '0x' }).waitFor();
}

/** Waits for an action in `section` to end as it should. */
export async function ended(section, how) {
  const stage = section.locator('[data-stage=done], [data-stage=failed]').first();
  await stage.waitFor();
  const [got, words] = [await stage.getAttribute('data-stage'), await stage.textContent()];
  if (got !== how) throw new Error(`it ended as ${got}: ${words}`);
  if (!words.trim()) throw new Error('it ended without words');
}

/** What `tatum session prove --payer` prints, by an account of the chain that has signed for nobody yet. */
export async function provenKey({ api, chain, network, account, others }, payer) {
  // A key belongs to one payer for ever; the chain may have been used before.
  const { vaults } = await readJson(api, `/v1/sponsors?owner=${account}&limit=200`);
  const payers = [account, ...vaults.map(({ vault }) => vault)];
  const keys = await Promise.all(payers.map(async (one) => (await readJson(api, `/v1/accounts/${one}`)).session_keys));
  const used = keys.flat().map(({ key }) => key.toLowerCase());
  const keyHolder = others.find((other) => !used.includes(other));
  if (!keyHolder) throw new Error('the chain has no account left for a session key');
  const types = {
    EIP712Domain: [
      { name: 'name', type: 'string' },
      { name: 'version', type: 'string' },
      { name: 'chainId', type: 'uint256' },
      { name: 'verifyingContract', type: 'address' },
    ],
    SessionKeyAuthorization: [
      { name: 'payer', type: 'address' },
      { name: 'key', type: 'address' },
    ],
  };
  const domain = { name: 'Tatum', version: '1', chainId: network.chain_id, verifyingContract: network.deployment.stake_pool };
  const message = { payer, key: keyHolder };
  const proof = await chain('eth_signTypedData_v4', [
    keyHolder,
    { domain, types, primaryType: 'SessionKeyAuthorization', message },
  ]);
  return `payer  ${payer}\nkey    ${keyHolder}\nproof  ${proof}`;
}

export function equal(got, expected) {
  if (got !== expected) throw new Error(`expected ${expected}, got ${got}`);
}

function required(name) {
  const value = process.env[name];
  if (!value) {
    console.error(`set ${name}; the head of this file says what it is`);
    process.exit(2);
  }
  return value;
}
