#!/usr/bin/env node
/**
 * The page in a real browser, against a real server and a real chain. Prints a line for each check; ends with 1 at the first that fails.
 *
 * Environment: TATUM_API (the server, which carries the page), TATUM_RPC (anvil, whose accounts are unlocked), TATUM_SHOTS (a folder for
 * screenshots, if wanted), TATUM_SESSION_PROVEN (what `tatum session prove` printed for the first account; without it, another
 * account of the chain signs for the first), TATUM_BROWSER (Chromium, if it is not the one on the PATH). The first account needs DATA:
 * three times the least bond and stake.
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { chainAt, announce } from './wallets.mjs';
import { Checks, readJson, until } from './checks.mjs';
import { assertFiles } from './files.mjs';
import { visitEveryView } from './views.mjs';

const packages = createRequire(new URL('../../web/package.json', import.meta.url));
const { chromium } = packages('playwright-core');

const api = required('TATUM_API').replace(/\/$/, '');
const chain = chainAt(required('TATUM_RPC'));
const shots = process.env.TATUM_SHOTS;
if (shots) mkdirSync(shots, { recursive: true });

const checks = new Checks();
const { check } = checks;
const network = await readJson(api, '/v1/network');
const right = `0x${network.chain_id.toString(16)}`;
const accounts = (await chain('eth_accounts')).map((account) => account.toLowerCase());
const [account, ...others] = accounts;

const browser = await chromium.launch({
  executablePath: process.env.TATUM_BROWSER ?? execFileSync('which', ['chromium'], { encoding: 'utf8' }).trim(),
  args: ['--no-sandbox'],
});
try {
  await check('the files are small, hashed, and served with a strict policy', () => assertFiles(browser, api));
  for (const part of [publisher, operator, auditor, silence]) await part();
  await check('every view is accessible, in both schemes, on phone and desktop', () =>
    visitEveryView(browser, api, chain, account, right, shots),
  );
  checks.done();
} finally {
  await browser.close();
}

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

async function connect(page, name) {
  await page.locator('#wallets > summary').click();
  await page.locator('#wallets').getByRole('button', { name, exact: true }).click();
  await page.locator('#wallets > summary', { hasText: '0x' }).waitFor();
}

async function publisher() {
  const wallets = [
    { name: 'astray', account, chain: '0x1' },
    { name: 'first', account, chain: right },
    { name: 'signless', account, chain: right, refuses: { eth_signTypedData_v4: 4200 } },
    { name: 'batching', account, chain: right, batches: true },
  ];
  const least = BigInt(network.minimum_stake_wei);
  const amount = text(least > 10n ** 18n ? least : 10n ** 18n);
  const stakeOf = async () => BigInt((await readJson(api, `/v1/accounts/${account}`)).stake.stake_wei);
  // An epoch's fee may be taken meanwhile, and shares are cut to the wei.
  const grown = async (before, by) => until('the stake has grown', async () => (await stakeOf()) > before + (wei(by) * 8n) / 10n);
  const unchanged = async (before) => {
    const now = await stakeOf();
    if (now > before || now < (before * 9n) / 10n) throw new Error(`the stake went from ${before} to ${now}`);
  };

  await check('on a wrong chain, the button switches the network and then stakes', async () => {
    const page = await open('#/publisher', wallets);
    await connect(page, 'astray');
    const section = page.getByRole('region', { name: 'Stake', exact: true });
    await section.getByRole('button', { name: 'Switch network' }).click();
    await section.getByRole('button', { name: 'Stake', exact: true }).waitFor();
    await page.context().close();
  });

  const stake = async (wallet, way) => {
    const page = await open('#/publisher', wallets);
    await connect(page, wallet);
    const before = await stakeOf();
    const section = page.getByRole('region', { name: 'Stake', exact: true });
    await section.getByRole('textbox').fill(amount);
    if (way) await section.getByRole('radio', { name: way }).check();
    await section.getByRole('button', { name: 'Stake', exact: true }).click();
    await ended(section, 'done');
    await grown(before, amount);
    const methods = await page.evaluate((name) => window.tatumTestWallets[name].calls.map((call) => call.method), wallet);
    await page.context().close();
    return methods.filter((method) => /sign|send/i.test(method));
  };
  const same = (got, expected) => equal(JSON.stringify(got), JSON.stringify(expected));

  await check('an account stakes by permit: one signature, one transaction', async () => {
    same(await stake('first'), ['eth_signTypedData_v4', 'eth_sendTransaction']);
  });
  await check('a wallet that signs no typed data stakes by approval instead', async () => {
    same(await stake('signless'), ['eth_signTypedData_v4', 'eth_sendTransaction', 'eth_sendTransaction']);
  });
  await check('an account stakes by an approval that it chose', async () => {
    same(await stake('first', /^Approval/), ['eth_sendTransaction', 'eth_sendTransaction']);
  });
  await check('an account stakes by transfer and call: one transaction', async () => {
    same(await stake('first', /^Transfer and call/), ['eth_sendTransaction']);
  });
  await check('an account stakes by one batch', async () => {
    same(await stake('batching', /^One batch/), ['wallet_sendCalls']);
  });

  await check('a rejection (4001) has words and changes nothing', async () => {
    const page = await open('#/publisher', [
      { name: 'first', account, chain: right, refuses: { eth_signTypedData_v4: 4001, eth_sendTransaction: 4001 } },
    ]);
    await connect(page, 'first');
    const [before, nonce] = [await stakeOf(), await chain('eth_getTransactionCount', [account, 'latest'])];
    const section = page.getByRole('region', { name: 'Stake', exact: true });
    for (const way of [/^Permit/, /^Approval/, /^Transfer and call/]) {
      await section.getByRole('textbox').fill(amount);
      await section.getByRole('radio', { name: way }).check();
      await section.getByRole('button', { name: 'Stake', exact: true }).click();
      await section.getByText('You rejected this in the wallet. Nothing has changed.').waitFor();
    }
    await unchanged(before);
    equal(await chain('eth_getTransactionCount', [account, 'latest']), nonce);
    await page.context().close();
  });

  await check('a chain that is switched between two steps stops the second', async () => {
    const page = await open('#/publisher');
    await connect(page, 'first');
    await page.evaluate(() => {
      const wallet = window.tatumTestWallets.first;
      // Quietly, as a wallet does whose user switches while the first transaction is under way.
      wallet.before.eth_sendTransaction = () => setTimeout(() => (wallet.chain = '0x1'), 0);
    });
    const before = await stakeOf();
    const section = page.getByRole('region', { name: 'Stake', exact: true });
    await section.getByRole('textbox').fill(amount);
    await section.getByRole('radio', { name: /^Approval/ }).check();
    await section.getByRole('button', { name: 'Stake', exact: true }).click();
    await section.getByText(/The wallet went to chain 1 meanwhile.*The step before it was carried out and stays/).waitFor();
    await unchanged(before);
    await page.context().close();
  });

  await check('a transaction that the contract undoes is told with its reason', async () => {
    const page = await open('#/publisher');
    await connect(page, 'first');
    // Nothing of this account has waited long enough, so this call reverts.
    const prepared = await post('/v1/actions', { account, action: 'withdraw_stake' });
    const { to, data } = prepared.steps[0];
    await page.evaluate((instead) => (window.tatumTestWallets.first.instead = instead), { to, data, gas: '0x7a120' });
    const before = await stakeOf();
    const section = page.getByRole('region', { name: 'Stake', exact: true });
    await section.getByRole('textbox').fill(amount);
    await section.getByRole('radio', { name: /^Transfer and call/ }).check();
    await section.getByRole('button', { name: 'Stake', exact: true }).click();
    await ended(section, 'failed');
    const words = await section.locator('[data-stage=failed]').textContent();
    if (!/The contract refused it, and took the gas: \S+/.test(words)) throw new Error(words);
    await unchanged(before);
    await page.context().close();
    return words.replace(/ Transaction.*/, '');
  });

  await check('a transaction that another replaced is told so', async () => {
    const page = await open('#/publisher');
    await connect(page, 'first');
    const section = page.getByRole('region', { name: 'Stake', exact: true });
    await section.getByRole('textbox').fill(amount);
    await section.getByRole('radio', { name: /^Transfer and call/ }).check();
    await chain('evm_setIntervalMining', [0]);
    try {
      const nonce = await chain('eth_getTransactionCount', [account, 'latest']);
      await section.getByRole('button', { name: 'Stake', exact: true }).click();
      await section.locator('[data-stage=pending]').waitFor();
      // The server has to have seen it wait, to tell it from one that never was.
      await new Promise((done) => setTimeout(done, 2_500));
      const fee = '0x174876e8000';
      await chain('eth_sendTransaction', [
        { from: account, to: account, nonce, gas: '0x5208', maxFeePerGas: fee, maxPriorityFeePerGas: fee },
      ]);
    } finally {
      await chain('evm_setIntervalMining', [1]);
    }
    await ended(section, 'failed');
    await section.getByText(/took its place/).waitFor();
    await page.context().close();
  });

  await check('more than one has is refused before the wallet is asked', async () => {
    const page = await open('#/publisher');
    await connect(page, 'first');
    const section = page.getByRole('region', { name: 'Stake', exact: true });
    await section.getByText(/^You have/).waitFor();
    for (const [typed, words] of [
      ['999999999999', 'You have'],
      ['1,5', 'without commas'],
      ['', 'Enter an amount'],
      ['0', 'more than 0'],
    ]) {
      await section.getByRole('textbox').fill(typed);
      await section.getByRole('button', { name: 'Stake', exact: true }).click();
      await section.locator('.error', { hasText: words }).waitFor();
    }
    const asked = await page.evaluate(() => window.tatumTestWallets.first.calls.some((call) => /sign|send/i.test(call.method)));
    equal(asked, false);
    await page.context().close();
  });

  await check('a permit whose deadline has passed is refused with words', async () => {
    const page = await open('#/publisher');
    await connect(page, 'first');
    await page.evaluate(() => {
      const now = Date.now;
      window.tatumTestWallets.first.before.eth_signTypedData_v4 = () => (Date.now = () => now() + 365 * 86_400_000);
    });
    const before = await stakeOf();
    const section = page.getByRole('region', { name: 'Stake', exact: true });
    await section.getByRole('textbox').fill(amount);
    await section.getByRole('button', { name: 'Stake', exact: true }).click();
    await section.getByText(/deadline passed before it was signed. Nothing has changed/).waitFor();
    await unchanged(before);
    await page.context().close();
  });

  await check('quota appears after the epoch has passed', async () => {
    await nextEpoch();
    const page = await open('#/publisher');
    await connect(page, 'first');
    await page
      .getByRole('region', { name: 'Quota and balance' })
      .getByText(/[1-9][\d.]* [kMGTP]?B/)
      .first()
      .waitFor();
    const { stake } = await readJson(api, `/v1/accounts/${account}`);
    equal(BigInt(stake.quota_bytes) > 0n, true);
    await page.context().close();
  });

  await check('unstaking warns first, and leaving it changes nothing', async () => {
    const page = await open('#/publisher');
    await connect(page, 'first');
    const before = await stakeOf();
    const section = page.getByRole('region', { name: 'Unstake and withdraw' });
    await section.getByRole('textbox').fill(amount);
    await section.getByRole('button', { name: 'Unstake', exact: true }).click();
    await section.getByRole('button', { name: 'Leave it' }).click();
    await section.getByText(/You went no further. Nothing has changed/).waitFor();
    await unchanged(before);
    await section.getByRole('button', { name: 'Unstake', exact: true }).click();
    await section.getByRole('button', { name: 'Go on' }).click();
    await ended(section, 'done');
    await until('the stake has shrunk', async () => (await stakeOf()) < before);
    await section.getByRole('table').getByRole('row').nth(1).waitFor();
    await page.context().close();
  });

  await check('what has waited long enough is withdrawn', async () => {
    for (let epoch = 0; epoch <= network.unbonding_epochs + 1; epoch += 1) await nextEpoch();
    const page = await open('#/publisher');
    await connect(page, 'first');
    const balance = async () => BigInt((await readJson(api, `/v1/accounts/${account}`)).balance_wei);
    const before = await balance();
    const section = page.getByRole('region', { name: 'Unstake and withdraw' });
    await section.getByRole('button', { name: 'Withdraw', exact: true }).click();
    await until('the balance has grown', async () => (await balance()) > before);
    await page.context().close();
  });

  await check('a session key is authorised by what was pasted, and revoked', async () => {
    const page = await open('#/publisher');
    await connect(page, 'first');
    const section = page.getByRole('region', { name: 'Session keys' });
    await section.getByRole('textbox').fill('0x12');
    await section.getByRole('button', { name: 'Authorise key' }).click();
    await section.getByText('Paste both').waitFor();
    await section.getByRole('textbox').fill(await provenKey());
    await section.getByRole('button', { name: 'Authorise key' }).click();
    await ended(section, 'done');
    await section.getByText('active').first().waitFor();
    await section
      .getByRole('button', { name: /^Revoke 0x/ })
      .first()
      .click();
    await section.getByRole('button', { name: 'Go on' }).click();
    await section
      .getByText(/^revoked/)
      .first()
      .waitFor();
    await page.context().close();
  });
}

async function operator() {
  const owned = async () => (await readJson(api, `/v1/accounts/${account}`)).operators;
  const show = async (id) => readJson(api, `/v1/operators/${id}`);
  let id;

  await check('an operator registers with a bond and a capacity', async () => {
    const before = await owned();
    const page = await open('#/operator');
    await connect(page, 'first');
    const section = page.getByRole('region', { name: 'Register an operator' });
    await section.getByLabel('Name or link').fill('tested in a browser');
    await section.getByRole('button', { name: 'Register' }).click();
    await ended(section, 'done');
    const after = await until('it is there', async () => {
      const now = await owned();
      return now.length > before.length && now;
    });
    id = after.find((one) => !before.includes(one));
    await page.getByRole('link', { name: `Operator ${id}`, exact: true }).click();
    await page.getByRole('heading', { name: `Operator ${id}`, level: 1 }).waitFor();
    await page.context().close();
  });

  const onPage = async (region, act) => {
    const page = await open(`#/operator/${id}`);
    await connect(page, 'first');
    const section = page.getByRole('region', { name: region, exact: true });
    await act(section);
    await page.context().close();
  };
  const node = `0x${[...crypto.getRandomValues(new Uint8Array(32))].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;

  await check('its owner adds a node and removes it', async () => {
    await onPage('Nodes', async (section) => {
      await section.getByRole('textbox').fill(node);
      await section.getByRole('button', { name: 'Add node' }).click();
      await until('the node is there', async () => (await show(id)).nodes.includes(node));
      await section.getByRole('button', { name: `Remove node ${node}` }).click();
      await until('the node is gone', async () => !(await show(id)).nodes.includes(node));
    });
  });
  await check('its owner declares another capacity', async () => {
    await onPage('Capacity', async (section) => {
      await section.getByLabel('Capacity an epoch').fill('0.5');
      await section.getByRole('button', { name: 'Declare' }).click();
      await until('it is declared', async () => (await show(id)).operator.declared_bytes === '500000000');
    });
  });
  await check('its owner changes the payout address', async () => {
    const other = `0x${'0b'.repeat(20)}`;
    await onPage('Payout address', async (section) => {
      await section.getByRole('textbox').fill(other);
      await section.getByRole('button', { name: 'Change the payout address' }).click();
      await until('it is changed', async () => (await show(id)).operator.payout.toLowerCase() === other);
    });
  });
  await check('its owner adds bond', async () => {
    const before = BigInt((await show(id)).operator.bond_wei);
    await onPage('Bond', async (section) => {
      await section.getByRole('textbox').fill('1');
      await section.getByRole('button', { name: 'Add bond' }).click();
      await until('it has grown', async () => BigInt((await show(id)).operator.bond_wei) > before);
    });
  });
  await check('a claim of nothing, or for nobody, has words', async () => {
    const page = await open('#/operator');
    await connect(page, 'first');
    const section = page.getByRole('region', { name: 'Claim for others' });
    for (const typed of [`${id}`, '999999']) {
      await section.getByRole('textbox').fill(typed);
      await section.getByRole('button', { name: 'Claim' }).click();
      await ended(section, 'failed');
    }
    await page.context().close();
  });
  await check('what there is to claim is claimed, for whoever it is', async () => {
    const { operators } = await readJson(api, '/v1/operators?limit=50');
    const all = await Promise.all(operators.map((one) => show(one.id)));
    const rich = all.filter((one) => BigInt(one.earned?.claimable_nano ?? 0) > 0n).map((one) => one.operator.id);
    if (rich.length === 0) return 'nothing was final that could be claimed';
    const page = await open('#/operator');
    await connect(page, 'first');
    const section = page.getByRole('region', { name: 'Claim for others' });
    await section.getByRole('textbox').fill(rich.join(', '));
    await section.getByRole('button', { name: 'Claim' }).click();
    await ended(section, 'done');
    for (const one of rich)
      await until(`operator ${one} has its money`, async () => BigInt((await show(one)).operator.claimed_nano) > 0n);
    await page.context().close();
    return `operators ${rich.join(', ')}`;
  });
  await check('leaving warns first, and then the operator has left', async () => {
    await onPage('Leave', async (section) => {
      await section.getByRole('button', { name: 'Leave the network…' }).click();
      await section.getByRole('button', { name: 'Go on' }).click();
      await until('it has left', async () => (await show(id)).operator.exit_epoch !== null);
    });
  });
}

async function auditor() {
  const page = await open('#/auditor');
  const epochs = await readJson(api, '/v1/epochs?limit=50').catch(() => []);
  const rooted = epochs.find((epoch) => epoch.root);
  await check('a proof is verified in the browser, and a tampered one is told its level', async () => {
    if (!rooted) return 'no epoch has a root yet';
    await page.goto(`${api}/#/auditor/${rooted.epoch}/proof/0`);
    await page.locator('[data-verdict=holds]').waitFor();
    const box = page.getByRole('textbox');
    const proof = JSON.parse(await box.inputValue());
    proof.cumulative_nano = `${BigInt(proof.cumulative_nano) + 1n}`;
    await box.fill(JSON.stringify(proof));
    await page.locator('[data-verdict=wrong]', { hasText: 'cumulative_nano' }).waitFor();
    await page.getByRole('button', { name: 'As it was served' }).click();
    await page.locator('[data-verdict=holds]').waitFor();
    const words = JSON.parse(await box.inputValue());
    for (const [index, word] of words.proof.entries()) {
      const flipped = `0x${word[2] === '0' ? '1' : '0'}${word.slice(3)}`;
      await box.fill(JSON.stringify({ ...words, proof: words.proof.with(index, flipped) }));
      await page.locator('[data-verdict=wrong]', { hasText: `level ${index + 1} ` }).waitFor();
    }
    await box.fill('{');
    await page.locator('[data-verdict=unreadable]').waitFor();
    return `epoch ${rooted.epoch}, ${words.proof.length} levels`;
  });
  await check('a payout is explained row by row', async () => {
    if (!rooted) return 'no epoch has a root yet';
    const payout = await readJson(api, `/v1/epochs/${rooted.epoch}/payouts/0`);
    await page.goto(`${api}/#/auditor/${rooted.epoch}/payout/0`);
    const sums = page.getByRole('table', { name: 'The payout, added up' });
    for (const nano of [payout.work_nano, payout.total_nano, payout.cumulative_nano])
      await sums.locator(`data[value="${nano}"]`).first().waitFor();
    equal(
      await page.getByRole('table', { name: 'Work by payer' }).getByRole('row').count(),
      payout.work.length && payout.work.length + 1,
    );
    await page.goto(`${api}/#/auditor/${rooted.epoch}/receipts`);
    await page.getByRole('region', { name: 'Receipts', exact: true }).or(page.getByText('No receipts.')).first().waitFor();
    return `${payout.work.length} payers`;
  });
  await page.context().close();
}

/** What is said when the server answers no more. */
async function silence() {
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
    await page.route('**/v1/network', (route) => route.fulfill({ json: frozen }));
    await page.route('**/v1/prices*', (route) => route.fulfill({ json: { as_of: frozen.as_of, prices: [] } }));
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

/** What `tatum session prove` prints: from it, or by the chain's second account. */
async function provenKey() {
  if (process.env.TATUM_SESSION_PROVEN) return process.env.TATUM_SESSION_PROVEN;
  // A key belongs to one payer for ever; the chain may have been used before.
  const used = (await readJson(api, `/v1/accounts/${account}`)).session_keys.map(({ key }) => key.toLowerCase());
  const keyHolder = others.find((other) => !used.includes(other));
  if (!keyHolder) throw new Error('the chain has no account left for a session key, and TATUM_SESSION_PROVEN is not set');
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
  const message = { payer: account, key: keyHolder };
  const proof = await chain('eth_signTypedData_v4', [
    keyHolder,
    { domain, types, primaryType: 'SessionKeyAuthorization', message },
  ]);
  return `payer  ${account}\nkey    ${keyHolder}\nproof  ${proof}`;
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

async function post(path, body) {
  const response = await fetch(api + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  if (!response.ok) throw new Error(`${path} answers ${response.status}: ${await response.text()}`);
  return response.json();
}

/** Waits for an action in `section` to end as it should. */
async function ended(section, how) {
  const stage = section.locator('[data-stage=done], [data-stage=failed]').first();
  await stage.waitFor();
  const [got, words] = [await stage.getAttribute('data-stage'), await stage.textContent()];
  if (got !== how) throw new Error(`it ended as ${got}: ${words}`);
  if (!words.trim()) throw new Error('it ended without words');
}

function equal(got, expected) {
  if (got !== expected) throw new Error(`expected ${expected}, got ${got}`);
}

function wei(amount) {
  const [whole, decimals = ''] = amount.split('.');
  return BigInt(whole + decimals.padEnd(18, '0'));
}

function text(amount) {
  return `${amount / 10n ** 18n}.${(amount % 10n ** 18n).toString().padStart(18, '0')}`;
}

function required(name) {
  const value = process.env[name];
  if (!value) {
    console.error(`set ${name}; the head of this file says what it is`);
    process.exit(2);
  }
  return value;
}
