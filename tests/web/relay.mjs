/**
 * What people do who have none of the chain's coin: stake and claim, and the server pays the gas.
 *
 * The account has no coin at any time in between, so whatever is done was paid by somebody else.
 */
import { readJson, until } from './checks.mjs';
import { connect, ended, equal } from './world.mjs';

const DATA = 10n ** 18n;
/** A unit of gas at ten thousand times its usual price. */
const DEAR_WEI = 10_000n * 10n ** 9n;
const HELD = 100n;
/** More than the least that a stake may be, in DATA. */
const FIRST = '5';

export async function relay(world) {
  const { api, chain, check, account: rich, others, right, network, open } = world;
  const { relay: terms } = await readJson(api, '/v1/relay');
  if (!terms) return check('nobody’s gas is paid', async () => offersNothing(world));
  const account = others.at(-1);
  const coin = await chain('eth_getBalance', [account, 'latest']);
  const word = (value) => value.toString(16).padStart(64, '0');
  await chain('eth_sendTransaction', [
    { from: rich, to: network.deployment.token, data: `0xa9059cbb${word(BigInt(account))}${word(HELD * DATA)}` },
  ]);
  await chain('anvil_setBalance', [account, '0x0']);

  const shown = () => readJson(api, `/v1/accounts/${account}`);
  const staked = async () => BigInt((await shown()).stake.stake_wei);
  const nonce = () => chain('eth_getTransactionCount', [account, 'latest']);
  await until('it has DATA and no coin', async () => {
    const { balance_wei, coin_wei } = await shown();
    return BigInt(balance_wei) >= HELD * DATA && coin_wei === '0';
  });
  const before = await nonce();
  const wallets = [
    { name: 'poor', account, chain: right },
    { name: 'rejecting', account, chain: right, refuses: { eth_signTypedData_v4: 4001 } },
    { name: 'signless', account, chain: right, refuses: { eth_signTypedData_v4: 4200 } },
  ];
  const staking = async (wallet, act) => {
    const page = await open('#/publisher', wallets);
    await connect(page, wallet);
    const section = page.getByRole('region', { name: 'Stake', exact: true });
    const choice = section.getByRole('checkbox', { name: 'Have the gas paid' });
    await until('the server pays by itself', () => choice.isChecked());
    const stake = async (amount) => {
      await section.getByRole('textbox').fill(amount);
      await section.getByRole('button', { name: 'Stake', exact: true }).click();
    };
    const said = await act({ page, section, choice, stake });
    await page.context().close();
    return said;
  };
  const asked = (page, name) =>
    page.evaluate((name) => window.tatumTestWallets[name].calls.map((call) => call.method).filter((method) => /sign|send/i.test(method)), name);

  await check('an account without any coin stakes: one signature, and no transaction of its own', () =>
    staking('poor', async ({ page, section, stake }) => {
      const had = await staked();
      await section.getByText('One signature, and no transaction of yours').waitFor();
      await stake(FIRST);
      await ended(section, 'done');
      await until('it is staked', async () => (await staked()) > had);
      equal(JSON.stringify(await asked(page, 'poor')), '["eth_signTypedData_v4"]');
    }),
  );
  await check('less than the server pays for is told before the wallet is asked', () =>
    staking('poor', async ({ page, section, stake }) => {
      await stake(decimals(BigInt(terms.least_wei) / 2n));
      await section.locator('.error', { hasText: 'The gas is paid from' }).waitFor();
      equal((await asked(page, 'poor')).length, 0);
    }),
  );
  await check('what the wallet rejects or cannot sign is not sent, and has words', async () => {
    const had = await staked();
    for (const [wallet, words] of [
      ['rejecting', /You rejected this in the wallet. Nothing has changed/],
      ['signless', /signs no permit.*Nothing has changed; stake in another way/],
    ])
      await staking(wallet, async ({ section, stake }) => {
        await stake('1');
        await section.getByText(words).waitFor();
      });
    equal(await staked(), had);
  });
  await check('a permit that is for something else is refused in words, and the wallet’s own ways are there', () =>
    staking('poor', async ({ page, section, choice, stake }) => {
      const had = await staked();
      await page.evaluate(() => {
        const wallet = window.tatumTestWallets.poor;
        const request = wallet.request.bind(wallet);
        // It signs for one more than it was asked to.
        wallet.request = (call) => {
          if (call.method !== 'eth_signTypedData_v4') return request(call);
          const typed = JSON.parse(call.params[1]);
          typed.message.value = String(BigInt(typed.message.value) + 1n);
          return request({ ...call, params: [call.params[0], JSON.stringify(typed)] });
        };
      });
      await stake('1');
      await ended(section, 'failed');
      await section.getByText(/Nothing has changed; you can pay for the gas yourself/).waitFor();
      equal(await staked(), had);
      equal(await section.getByRole('radio').count(), 0);
      await choice.uncheck();
      await section.getByRole('radio', { name: /^Approval/ }).check();
    }),
  );
  await check('an operator’s earnings are claimed for it by an account without any coin', async () => {
    const { operators } = await readJson(api, '/v1/operators?limit=50');
    const all = await Promise.all(operators.map(({ id }) => readJson(api, `/v1/operators/${id}`)));
    const worth = (one) => BigInt(one.earned?.claimable_nano ?? 0) * 10n ** 9n;
    const one = all.find((one) => worth(one) >= BigInt(terms.least_wei));
    if (!one) return 'nothing was final that could be claimed';
    const { id } = one.operator;
    const page = await open(`#/operator/${id}`, wallets);
    await connect(page, 'poor');
    await page.getByRole('region', { name: 'Ready to be paid?' }).getByText('The server, which pays the gas of claims').waitFor();
    const section = page.getByRole('region', { name: 'Earnings', exact: true });
    const choice = section.getByRole('checkbox', { name: 'Have the gas paid' });
    await until('the server pays by itself', () => choice.isChecked());
    await section.getByRole('button', { name: 'Claim', exact: true }).click();
    await until('it has its money', async () => {
      const now = (await readJson(api, `/v1/operators/${id}`)).operator;
      return BigInt(now.claimed_nano) > BigInt(one.operator.claimed_nano);
    });
    equal((await asked(page, 'poor')).length, 0);
    await page.context().close();
    return `operator ${id}`;
  });
  await check('what the hour’s budget does not reach for is not paid, and it says when to come back', () =>
    staking('poor', async ({ page, section, choice, stake }) => {
      const had = await staked();
      const { baseFeePerGas } = await chain('eth_getBlockByNumber', ['latest', false]);
      // Gas has become so dear that one transaction may cost more than the server pays for an address in an hour.
      await chain('anvil_setNextBlockBaseFeePerGas', [`0x${DEAR_WEI.toString(16)}`]);
      await chain('evm_mine');
      try {
        await stake('1');
        await section.getByText(/is spent, or what is left does not reach; ask again in \d+ s.*Nothing has changed/).waitFor();
        equal(JSON.stringify(await asked(page, 'poor')), '["eth_signTypedData_v4"]');
        equal(await staked(), had);
        await choice.uncheck();
        await section.getByRole('radio', { name: /^Permit/ }).waitFor();
      } finally {
        await chain('anvil_setNextBlockBaseFeePerGas', [baseFeePerGas]);
      }
    }),
  );
  await check('all of it cost the account nothing', async () => {
    equal(await chain('eth_getBalance', [account, 'latest']), '0x0');
    equal(await nonce(), before);
  });
  await chain('anvil_setBalance', [account, coin]);
}

function decimals(wei) {
  return `${wei / DATA}.${String(wei % DATA).padStart(18, '0')}`;
}

/** Where the server pays nobody's gas, nothing is offered. */
async function offersNothing({ account, right, open }) {
  const page = await open('#/publisher', [{ name: 'first', account, chain: right }]);
  await connect(page, 'first');
  const section = page.getByRole('region', { name: 'Stake', exact: true });
  await section.getByRole('radio', { name: /^Permit/ }).waitFor();
  equal(await section.getByRole('checkbox').count(), 0);
  await page.context().close();
}
