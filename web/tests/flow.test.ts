import { describe, expect, it } from 'vitest';
import { Problem } from '../src/api/client';
import { run, type Stage } from '../src/actions/flow';
import type { ActionPlan, Hex } from '../src/api/types';
import { ACCOUNT, ScriptedWallet, Turns, plan, send, sign, watch } from './scripted';

const HASH = `0x${'ab'.repeat(32)}` as Hex;
const OTHER = `0x${'cd'.repeat(32)}` as Hex;
const STAKE = { action: 'stake', amount_wei: '5', by: 'permit' };
const IN_TIME = 10_000;
const NOT_IN_TIME = 500;

/** What the API answers to a stake: a permit to sign, then one call; or two calls by approval. */
function stakePlans(deadline_s = IN_TIME) {
  return (body: Record<string, unknown>): ActionPlan => {
    if (body.by === 'permit') return body.permit ? plan(send('stake by permit')) : plan(sign(deadline_s));
    return body.by === 'approve' ? plan(send('approve'), send('stake')) : plan(send('transfer and call'));
  };
}

const text = (stage: Stage) => ('text' in stage ? stage.text : '');

describe('a stake', () => {
  it('by permit is one signature, which goes back to the API, and one transaction', async () => {
    const wallet = new ScriptedWallet({ eth_signTypedData_v4: '0x51', eth_sendTransaction: HASH });
    const { flow, stages, asked } = watch({ wallet, plans: stakePlans() });
    const end = await run(flow, { action: STAKE, account: ACCOUNT });
    expect(end).toEqual({ at: 'done', text: 'Done.', hashes: [HASH] });
    expect(asked[1]).toEqual({ account: ACCOUNT, ...STAKE, permit: { deadline_s: IN_TIME, signature: '0x51' } });
    expect(stages.map((stage) => stage.at).filter((at, index, all) => at !== all[index - 1])).toEqual([
      'preparing',
      'signing',
      'preparing',
      'confirming',
      'pending',
      'done',
    ]);
    const [request] = wallet.of('eth_sendTransaction')[0] as [Record<string, string>];
    expect(request).toEqual({
      from: ACCOUNT,
      to: expect.any(String),
      data: '0x1234',
      value: '0x0',
      chainId: '0x7a69',
      gas: '0x15f90',
    });
  });

  it.each([{ code: 4200 }, { code: -32601 }, { code: -32000, message: 'eth_signTypedData_v4 is not supported' }])(
    'goes on by approval where the wallet signs no typed data (%j)',
    async (error) => {
      const wallet = new ScriptedWallet({ eth_signTypedData_v4: error, eth_sendTransaction: new Turns([HASH, OTHER]) });
      const { flow, asked } = watch({ wallet, plans: stakePlans() });
      const end = await run(flow, { action: STAKE, account: ACCOUNT });
      expect(end).toEqual({ at: 'done', text: 'Done.', hashes: [HASH, OTHER] });
      expect(asked.at(-1)).toEqual({ account: ACCOUNT, ...STAKE, by: 'approve' });
    },
  );

  it('stops when the signature is rejected, with nothing sent and no other way tried', async () => {
    const wallet = new ScriptedWallet({ eth_signTypedData_v4: { code: 4001 } });
    const { flow, asked } = watch({ wallet, plans: stakePlans() });
    const end = await run(flow, { action: STAKE, account: ACCOUNT });
    expect(text(end)).toBe('You rejected this in the wallet. Nothing has changed.');
    expect([asked.length, wallet.of('eth_sendTransaction').length]).toEqual([1, 0]);
  });

  it('stops when the permit’s deadline passes while the wallet waits', async () => {
    const wallet = new ScriptedWallet({ eth_signTypedData_v4: '0x51' });
    const { flow, asked } = watch({ wallet, plans: stakePlans(NOT_IN_TIME) });
    const end = await run(flow, { action: STAKE, account: ACCOUNT });
    expect(text(end)).toMatch(/deadline passed.*Nothing has changed/);
    expect(asked.length).toBe(1);
  });

  it('rejected at its second transaction says that the first stays', async () => {
    const wallet = new ScriptedWallet({ eth_sendTransaction: new Turns([HASH, { code: 4001 }]) });
    const { flow } = watch({ wallet, plans: stakePlans() });
    const end = await run(flow, { action: { ...STAKE, by: 'approve' }, account: ACCOUNT });
    expect(text(end)).toBe('You rejected this in the wallet. The step before it was carried out and stays.');
    expect(end).toMatchObject({ at: 'failed', hashes: [HASH] });
  });

  it('that the contract would refuse is never sent', async () => {
    const wallet = new ScriptedWallet({ eth_sendTransaction: HASH });
    const { flow } = watch({ wallet, plans: () => plan(send('stake', 'the allowance is 3 wei, 5 are needed')) });
    const end = await run(flow, { action: STAKE, account: ACCOUNT });
    expect(text(end)).toBe('The allowance is 3 wei, 5 are needed. Nothing was sent.');
    expect(wallet.of('eth_sendTransaction')).toEqual([]);
  });
});

describe('a batch', () => {
  const asked = { action: { ...STAKE, by: 'approve' }, account: ACCOUNT, asBatch: true };

  it('is one request that succeeds whole', async () => {
    const status = new Turns([{ status: 100 }, { status: 200, receipts: [{ transactionHash: HASH }] }]);
    const wallet = new ScriptedWallet({ wallet_sendCalls: { id: '0x1' }, wallet_getCallsStatus: status });
    const end = await run(watch({ wallet, plans: stakePlans() }).flow, asked);
    expect(end).toEqual({ at: 'done', text: 'Done.', hashes: [HASH] });
    const [request] = wallet.of('wallet_sendCalls')[0] as [{ calls: unknown[]; atomicRequired: boolean; chainId: string }];
    expect([request.calls.length, request.atomicRequired, request.chainId]).toEqual([2, true, '0x7a69']);
    expect(wallet.of('eth_sendTransaction')).toEqual([]);
  });

  it('goes one by one where the wallet cannot after all', async () => {
    const wallet = new ScriptedWallet({ wallet_sendCalls: { code: 5760 }, eth_sendTransaction: new Turns([HASH, OTHER]) });
    const end = await run(watch({ wallet, plans: stakePlans() }).flow, asked);
    expect(end).toMatchObject({ at: 'done', hashes: [HASH, OTHER] });
  });

  it.each([
    [400, /Nothing has changed/],
    [500, /undone as a whole/],
    [600, /Only a part/],
  ])('that ends with %i has its own words', async (status, words) => {
    const wallet = new ScriptedWallet({ wallet_sendCalls: '0x1', wallet_getCallsStatus: { status } });
    expect(text(await run(watch({ wallet, plans: stakePlans() }).flow, asked))).toMatch(words);
  });
});

describe('a transaction', () => {
  const one = { action: { action: 'withdraw_stake' }, account: ACCOUNT };
  const sent = () => new ScriptedWallet({ eth_sendTransaction: HASH });
  const plans = () => plan(send('withdraw'));

  it('rejected in the wallet changes nothing', async () => {
    const wallet = new ScriptedWallet({ eth_sendTransaction: { code: 4001 } });
    const end = await run(watch({ wallet, plans }).flow, one);
    expect(end).toEqual({ at: 'failed', text: 'You rejected this in the wallet. Nothing has changed.', hashes: [] });
  });

  it('is not asked for when the wallet went to another chain or account', async () => {
    for (const [moved, words] of [
      [{ eth_chainId: '0x1' }, /went to chain 1 meanwhile; this is for chain 31337/],
      [{ eth_accounts: [`0x${'11'.repeat(20)}`] }, /another account/],
      [{ eth_accounts: [] }, /another account/],
    ] as const) {
      const wallet = new ScriptedWallet({ ...moved, eth_sendTransaction: HASH });
      expect(text(await run(watch({ wallet, plans }).flow, one))).toMatch(words);
      expect(wallet.of('eth_sendTransaction')).toEqual([]);
    }
  });

  it('stops between two steps when the chain is switched midway', async () => {
    const wallet = new ScriptedWallet({ eth_chainId: new Turns(['0x7a69', '0x1']), eth_sendTransaction: HASH });
    const end = await run(watch({ wallet, plans: stakePlans() }).flow, { action: { ...STAKE, by: 'approve' }, account: ACCOUNT });
    expect(text(end)).toMatch(/went to chain 1.*step before it was carried out/);
    expect(wallet.of('eth_sendTransaction').length).toBe(1);
  });

  it('reverted on chain is told with the reason', async () => {
    const states = [
      { state: 'pending' as const },
      { state: 'reverted' as const, reason: 'Nothing can be withdrawn before epoch 9.' },
    ];
    const end = await run(watch({ wallet: sent(), plans, states }).flow, one);
    expect(text(end)).toBe('The contract refused it, and took the gas: Nothing can be withdrawn before epoch 9.');
  });

  it('replaced by another is told so', async () => {
    const end = await run(watch({ wallet: sent(), plans, states: [{ state: 'pending' }, { state: 'replaced' }] }).flow, one);
    expect(text(end)).toMatch(/took its place/);
  });

  it('dropped after it waited, or never seen, is told so in time', async () => {
    const gone = await run(watch({ wallet: sent(), plans, states: [{ state: 'pending' }, { state: 'unknown' }] }).flow, one);
    expect(text(gone)).toMatch(/was dropped\. Nothing has changed/);
    const never = await run(watch({ wallet: sent(), plans, states: [{ state: 'unknown' }] }).flow, one);
    expect(text(never)).toMatch(/does not know the transaction/);
  });

  it('is followed through answers that fail', async () => {
    const away = new Problem(503, 'busy', 'Busy', 'The chain does not answer.');
    const { flow, stages } = watch({ wallet: sent(), plans, states: [away, away, { state: 'succeeded' }] });
    expect(await run(flow, one)).toMatchObject({ at: 'done' });
    expect(stages.some((stage) => stage.at === 'pending' && stage.note !== null)).toBe(true);
  });

  it('that the API refuses to build is told in its words', async () => {
    const refused = new Problem(422, 'refused', 'Refused', 'no stake of that account');
    const end = await run(watch({ wallet: sent(), plans: () => refused }).flow, one);
    expect(text(end)).toBe('Refused. No stake of that account.');
  });
});

describe('warnings', () => {
  const warned = () => ({ ...plan(send('unstake')), warnings: ['It waits two epochs.'] });

  it('of what gives something up are agreed to first', async () => {
    const wallet = new ScriptedWallet({ eth_sendTransaction: HASH });
    const { flow, agreedTo } = watch({ wallet, plans: warned });
    expect(await run(flow, { action: { action: 'unstake_all' }, account: ACCOUNT })).toMatchObject({ at: 'done' });
    expect(agreedTo).toEqual([['It waits two epochs.']]);
  });

  it('that are not agreed to end it with nothing sent', async () => {
    const wallet = new ScriptedWallet({ eth_sendTransaction: HASH });
    const { flow } = watch({ wallet, plans: warned, agree: false });
    const end = await run(flow, { action: { action: 'leave', operator: 0 }, account: ACCOUNT });
    expect(text(end)).toMatch(/Nothing has changed/);
    expect(wallet.calls).toEqual([]);
  });

  it('of anything else are shown beside it', async () => {
    const wallet = new ScriptedWallet({ eth_sendTransaction: HASH });
    const { flow, notes, agreedTo } = watch({ wallet, plans: warned });
    await run(flow, { action: { action: 'claim', operators: [0] }, account: ACCOUNT });
    expect([notes, agreedTo]).toEqual([['It waits two epochs.'], []]);
  });
});

describe('what the server pays the gas of', () => {
  const paid = { action: 'stake_with_permit' as const, payer: ACCOUNT, amount_wei: '5' };
  const stake = { action: STAKE, account: ACCOUNT, paid };
  const claim = { action: { action: 'claim', operators: [3] }, account: ACCOUNT, paid: { action: 'claim' as const, operator: 3 } };
  const signing = () => new ScriptedWallet({ eth_signTypedData_v4: '0x51' });
  const sent = () => ({ hash: HASH });

  it('is a stake by one signature, and the wallet sends nothing', async () => {
    const wallet = signing();
    const { flow, stages, asked } = watch({ wallet, plans: stakePlans(), relay: sent });
    const end = await run(flow, stake);
    expect(end).toEqual({ at: 'done', text: 'Done.', hashes: [HASH] });
    expect(asked.at(-1)).toEqual({ ...paid, permit: { deadline_s: IN_TIME, signature: '0x51' } });
    expect(stages.map((stage) => stage.at).filter((at, index, all) => at !== all[index - 1])).toEqual([
      'preparing',
      'signing',
      'preparing',
      'pending',
      'done',
    ]);
    expect(wallet.calls.some(({ method }) => /send/i.test(method))).toBe(false);
  });

  it('is a claim without any word of the wallet', async () => {
    const wallet = signing();
    const { flow, asked } = watch({ wallet, plans: stakePlans(), relay: sent });
    expect(await run(flow, claim)).toEqual({ at: 'done', text: 'Done.', hashes: [HASH] });
    expect([asked, wallet.calls]).toEqual([[{ action: 'claim', operator: 3 }], []]);
  });

  it.each([
    [429, 'relay_spent', /in an hour is spent\. Nothing has changed; you can pay for the gas yourself\.$/],
    [503, 'relay_empty', /in an hour is spent\. Nothing has changed/],
    [403, 'relay_off', /Nothing has changed/],
    [409, 'refused', /Nothing has changed/],
    [409, 'not_yet', /Nothing has changed/],
    [503, 'busy', /If it was sent all the same, the figures will show it\.$/],
    [0, 'unreachable', /If it was sent all the same/],
  ])('and is refused with %i %s has words, and the wallet is asked for nothing more', async (status, code, words) => {
    const wallet = signing();
    const refused = new Problem(status, code, 'No', 'what the relay pays in an hour is spent');
    for (const asked of [stake, claim]) {
      const end = await run(watch({ wallet, plans: stakePlans(), relay: () => refused }).flow, asked);
      expect(end.at).toBe('failed');
      expect(text(end)).toMatch(/^No\. What the relay pays/);
      expect(text(end)).toMatch(words);
    }
    expect(wallet.of('eth_sendTransaction')).toEqual([]);
  });

  it('needs a permit, which not every wallet signs', async () => {
    const { flow, asked } = watch({ wallet: new ScriptedWallet({}), plans: stakePlans(), relay: sent });
    expect(text(await run(flow, stake))).toMatch(/signs no permit.*Nothing has changed; stake in another way/);
    expect(asked.length).toBe(1);
  });

  it('is not asked for once the permit is rejected, or its deadline has passed', async () => {
    const rejecting = new ScriptedWallet({ eth_signTypedData_v4: { code: 4001 } });
    const { flow, asked } = watch({ wallet: rejecting, plans: stakePlans(), relay: sent });
    expect(text(await run(flow, stake))).toBe('You rejected this in the wallet. Nothing has changed.');
    const late = watch({ wallet: signing(), plans: stakePlans(NOT_IN_TIME), relay: sent });
    expect(text(await run(late.flow, stake))).toMatch(/deadline passed/);
    expect([asked.length, late.asked.length]).toEqual([1, 1]);
  });

  it('and is undone says at whose cost', async () => {
    const reverted = [{ state: 'reverted' as const, reason: 'the permit was used' }];
    const { flow } = watch({ wallet: signing(), plans: stakePlans(), relay: sent, states: reverted });
    const end = await run(flow, stake);
    expect(text(end)).toBe(
      'The contract refused it, at the server’s cost: The permit was used. Nothing of yours has changed; you can pay for the gas yourself.',
    );
    expect(end).toMatchObject({ hashes: [HASH] });
  });
});
