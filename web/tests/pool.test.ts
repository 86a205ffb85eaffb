import { describe, expect, it } from 'vitest';
import { Problem } from '../src/api/client';
import { run } from '../src/actions/flow';
import type { ActionPlan, Hex } from '../src/api/types';
import { parseCut, withCut } from '../src/views/operator/cut';
import { ACCOUNT, ScriptedWallet, Turns, plan, send, watch } from './scripted';

const HASHES = ['ab', 'cd'].map((byte) => `0x${byte.repeat(32)}` as Hex);

describe('a cut', () => {
  it('is a per cent with two decimals, exactly, as the command line takes it', () => {
    const right: [string, number][] = [['0', 0], ['10', 1_000], ['12.5', 1_250], ['0.01', 1], [' 50 % ', 5_000], ['50.00', 5_000]];
    for (const [text, bps] of right) expect([text, parseCut(text)]).toEqual([text, bps]);
    for (const wrong of ['', '.5', '-1', '1e1', '50.01', '12.345', 'ten', '12,5', '99', '100', '5.'])
      expect([wrong, parseCut(wrong)]).toEqual([wrong, null]);
  });

  it('makes an action, or says what to write', () => {
    const action = { action: 'set_delegation_cut', operator: 3, cut_bps: 1_250 };
    expect(withCut('set_delegation_cut', 3, '12.5')).toEqual({ action, why: null });
    expect(withCut('create_delegation_pool', 3, '51').why).toMatch(/from 0 to 50/);
  });
});

describe('making a pool', () => {
  const action = { action: 'create_delegation_pool', operator: 3, cut_bps: 1_000 };
  const offer = send('offer the operator to its pool');
  const make = { ...send('make the pool'), data: '0x5678', gas: null } as ActionPlan['steps'][number];
  const warned = { ...plan(offer, make), warnings: ['There is no way back.'] };

  it('is agreed to first, and changes nothing if it is not', async () => {
    const wallet = new ScriptedWallet({});
    const { flow, agreedTo } = watch({ wallet, plans: () => warned, agree: false });
    const end = await run(flow, { action, account: ACCOUNT });
    expect(end).toMatchObject({ at: 'failed', text: expect.stringMatching(/Nothing has changed/) });
    expect([agreedTo, wallet.of('eth_sendTransaction')]).toEqual([[['There is no way back.']], []]);
  });

  it('offers the operator, and then makes the pool with the gas that is known by then', async () => {
    const tried = { ...make, gas: '250000' } as ActionPlan['steps'][number];
    const plans = new Turns([warned, plan(tried)]);
    const wallet = new ScriptedWallet({ eth_sendTransaction: new Turns([...HASHES]) });
    const { flow, asked } = watch({ wallet, plans: () => plans.next() as ActionPlan | Error });
    expect(await run(flow, { action, account: ACCOUNT })).toEqual({ at: 'done', text: 'Done.', hashes: HASHES });
    expect(asked).toEqual([{ account: ACCOUNT, ...action }, { account: ACCOUNT, ...action }]);
    const [second] = wallet.of('eth_sendTransaction')[1] as [Record<string, string>];
    expect([second.data, second.gas]).toEqual(['0x5678', '0x3d090']);
  });

  it('says that the offer stands when the pool is refused after it', async () => {
    const refused = { ...make, refused: 'the operator has asked to leave for good' } as ActionPlan['steps'][number];
    const plans = new Turns([warned, plan(refused)]);
    const wallet = new ScriptedWallet({ eth_sendTransaction: new Turns([...HASHES]) });
    const { flow } = watch({ wallet, plans: () => plans.next() as ActionPlan | Error });
    const end = await run(flow, { action, account: ACCOUNT });
    expect(end).toMatchObject({ at: 'failed', text: expect.stringMatching(/asked to leave.*step before it was carried out and stays/) });
    expect(wallet.of('eth_sendTransaction').length).toBe(1);
  });

  it('has the server’s words where there is a pool already', async () => {
    const wallet = new ScriptedWallet({});
    const { flow } = watch({ wallet, plans: () => new Problem(409, 'refused', 'Refused', 'operator 3 has its pool already') });
    const end = await run(flow, { action, account: ACCOUNT });
    expect(end).toMatchObject({ at: 'failed', text: expect.stringMatching(/has its pool already/) });
  });
});
