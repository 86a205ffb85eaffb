/** What a publisher does: stakes in each way, what goes wrong on the way, unstakes, has a session key. */
import { readJson, until } from './checks.mjs';
import { connect, ended, equal, provenKey } from './world.mjs';

export async function publisher(world) {
  const { api, chain, check, account, right, network, open, post, nextEpoch } = world;
  const wallets = [
    { name: 'astray', account, chain: '0x1' },
    { name: 'first', account, chain: right },
    { name: 'signless', account, chain: right, refuses: { eth_signTypedData_v4: 4200 } },
    { name: 'batching', account, chain: right, batches: true },
  ];
  const least = BigInt(network.minimum_stake_wei);
  const amount = text(least > 10n ** 18n ? least : 10n ** 18n);
  const shown = () => readJson(api, `/v1/accounts/${account}`);
  // By the token's balance, to the wei: a stake itself grows smaller with every epoch's fee.
  const balanceOf = async () => BigInt((await shown()).balance_wei);
  const staked = (before, by) => until(`${by} DATA are staked`, async () => (await balanceOf()) === before - wei(by));
  const unchanged = async (before) => equal(await balanceOf(), before);

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
    const before = await balanceOf();
    const section = page.getByRole('region', { name: 'Stake', exact: true });
    await section.getByRole('textbox').fill(amount);
    if (way) await section.getByRole('radio', { name: way }).check();
    await section.getByRole('button', { name: 'Stake', exact: true }).click();
    await ended(section, 'done');
    await staked(before, amount);
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
    const [before, nonce] = [await balanceOf(), await chain('eth_getTransactionCount', [account, 'latest'])];
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
    const before = await balanceOf();
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
    const before = await balanceOf();
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
    const before = await balanceOf();
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
    equal(BigInt((await shown()).stake.quota_bytes) > 0n, true);
    await page.context().close();
  });

  await check('unstaking warns first, and leaving it changes nothing', async () => {
    const page = await open('#/publisher');
    await connect(page, 'first');
    const waiting = async () => BigInt((await shown()).stake.unbonding_wei);
    const before = await waiting();
    const section = page.getByRole('region', { name: 'Unstake and withdraw' });
    await section.getByRole('textbox').fill(amount);
    await section.getByRole('button', { name: 'Unstake', exact: true }).click();
    await section.getByRole('button', { name: 'Leave it' }).click();
    await section.getByText(/You went no further. Nothing has changed/).waitFor();
    equal(await waiting(), before);
    await section.getByRole('button', { name: 'Unstake', exact: true }).click();
    await section.getByRole('button', { name: 'Go on' }).click();
    await ended(section, 'done');
    await until('it waits', async () => (await waiting()) > before);
    await section.getByRole('table').getByRole('row').nth(1).waitFor();
    await page.context().close();
  });

  await check('what has waited long enough is withdrawn', async () => {
    for (let epoch = 0; epoch <= network.unbonding_epochs + 1; epoch += 1) await nextEpoch();
    const page = await open('#/publisher');
    await connect(page, 'first');
    const before = await balanceOf();
    const section = page.getByRole('region', { name: 'Unstake and withdraw' });
    await section.getByRole('button', { name: 'Withdraw', exact: true }).click();
    await until('the balance has grown', async () => (await balanceOf()) > before);
    await page.context().close();
  });

  await check('a session key is authorised by what was pasted, and revoked', async () => {
    const page = await open('#/publisher');
    await connect(page, 'first');
    const section = page.getByRole('region', { name: 'Session keys' });
    await section.getByRole('textbox').fill('0x12');
    await section.getByRole('button', { name: 'Authorise key' }).click();
    await section.getByText('Paste both').waitFor();
    await section.getByRole('textbox').fill(process.env.TATUM_SESSION_PROVEN ?? (await provenKey(world, account)));
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

function wei(amount) {
  const [whole, decimals = ''] = amount.split('.');
  return BigInt(whole + decimals.padEnd(18, '0'));
}

function text(amount) {
  return `${amount / 10n ** 18n}.${(amount % 10n ** 18n).toString().padStart(18, '0')}`;
}
