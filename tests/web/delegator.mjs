/** What a delegator does: delegates to an operator that has a pool, asks back, redeems. */
import { readJson, until } from './checks.mjs';
import { connect, ended, equal } from './world.mjs';

const DATA = 10n ** 18n;

export async function delegator(world) {
  const { api, chain, check, account, network, open, nextEpoch } = world;
  const id = await pooled(api);
  if (id === null) return check('no operator has a pool of delegators', async () => 'nothing was tried');
  const shown = async () => (await readJson(api, `/v1/operators/${id}/delegation/${account}`)).pool;
  const worth = async () => BigInt((await shown()).delegator.worth_wei);
  const balance = async () => BigInt((await readJson(api, `/v1/accounts/${account}`)).balance_wei);
  const onPage = async (region, act) => {
    const page = await open(`#/delegator/${id}`);
    await connect(page, 'first');
    await act(page.getByRole('region', { name: region, exact: true }));
    await page.context().close();
  };

  await check('a delegator approves and delegates, and more than there is room for is refused before', async () => {
    await onPage('Delegate', async (section) => {
      await section.getByRole('textbox').fill('900000000');
      await section.getByRole('button', { name: 'Delegate', exact: true }).click();
      await section.getByText(/There is room for .* DATA\.$/).waitFor();
      const before = await balance();
      await section.getByRole('textbox').fill('500');
      await section.getByRole('button', { name: 'Delegate', exact: true }).click();
      await ended(section, 'done');
      await until('500 DATA went there', async () => (await balance()) === before - 500n * DATA);
    });
  });
  await check('what lies in the pool is collected into the bond', async () => {
    const before = BigInt((await shown()).bond_wei);
    await onPage('Pool', async (section) => {
      await section.getByRole('button', { name: 'Collect' }).click();
      await until('the bond has grown', async () => BigInt((await shown()).bond_wei) > before);
    });
  });
  await check('the delegation stands among the account’s, and leads to its pool', async () => {
    const page = await open(`#/delegator/${account}`);
    await page.getByRole('region', { name: 'Delegations' }).getByRole('link', { name: `${id}`, exact: true }).click();
    await page.getByRole('heading', { name: `Pool of operator ${id}`, level: 1 }).waitFor();
    await page.context().close();
  });
  await check('asking back warns first; left alone, nothing has changed', async () => {
    const before = await worth();
    await onPage('Ask back', async (section) => {
      await section.getByRole('textbox').fill('200');
      await section.getByRole('button', { name: 'Ask back', exact: true }).click();
      await section.getByRole('button', { name: 'Leave it' }).click();
      await ended(section, 'failed');
      equal((await worth()) >= before, true);
      await section.getByRole('button', { name: 'Ask back', exact: true }).click();
      await section.getByRole('button', { name: 'Go on' }).click();
      await section.locator('[data-stage=done]').waitFor();
    });
    await until('it was asked for', async () => (await shown()).delegator.requests.length === 1);
  });
  await check('what has waited long enough is redeemed', async () => {
    const { delegator, unbonding_epochs } = await shown();
    if (network.epoch_length_s * unbonding_epochs > 120 && network.epoch_length_s <= 30) return 'it would take too long';
    const [request] = delegator.requests;
    while ((await readJson(api, '/v1/network')).epoch < request.redeemable_from) await nextEpoch();
    await chain('evm_mine');
    const before = await balance();
    await onPage('Your part', async (section) => {
      await section.getByRole('button', { name: `Redeem what was asked in epoch ${request.requested}` }).click();
      await until('the money is there', async () => (await balance()) > before + 199n * DATA);
    });
    equal((await shown()).delegator.requests.length, 0);
  });
}

/** The first operator that has a pool, and stays. */
async function pooled(api) {
  const { operators } = await readJson(api, '/v1/operators?limit=50');
  for (const { id } of operators) {
    const answer = await fetch(`${api}/v1/operators/${id}/delegation`);
    if (answer.ok && !(await answer.json()).pool.retired) return id;
  }
  return null;
}
