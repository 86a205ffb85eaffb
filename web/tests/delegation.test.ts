import { describe, expect, it } from 'vitest';
import { Problem } from '../src/api/client';
import { run } from '../src/actions/flow';
import { WEI, parsePositiveData, percentOfBps } from '../src/amounts';
import type { ActionPlan, DelegationPool, Hex } from '../src/api/types';
import { parseRoute } from '../src/route';
import { asked, delegated } from '../src/views/delegator/asked';
import { ACCOUNT, POOL, ScriptedWallet, Turns, plan, send, watch } from './scripted';

const HASHES = ['ab', 'cd'].map((byte) => `0x${byte.repeat(32)}` as Hex);

const pool = (more: Partial<DelegationPool> = {}): DelegationPool => ({
  pool: POOL,
  operator: 3,
  owner: `0x${'11'.repeat(20)}`,
  active_wei: '0',
  shares: '0',
  own_shares: '0',
  unreleased_wei: '0',
  release_ends_s: 0,
  leaving_wei: '0',
  uncollected_wei: '0',
  bond_wei: '0',
  releasing_wei: '0',
  balance_wei: '0',
  cut_bps: 1_000,
  next_cut_bps: null,
  next_cut_from: null,
  retired: false,
  max_delegation_wei: `${95n * WEI}`,
  unbonding_epochs: 4,
  epoch: 7,
  delegator: { account: ACCOUNT, shares: '300', worth_wei: `${3n * WEI}`, requests: [] },
  ...more,
});

describe('what is typed in a pool', () => {
  it('is a delegation as far as there is room, which the owner has of its own', () => {
    const all = { action: 'delegate', operator: 3, amount_wei: `${95n * WEI}` };
    expect(delegated(pool(), parsePositiveData('95'))).toEqual({ action: all, why: null });
    expect(delegated(pool(), parsePositiveData('95.000000000000000001')).why).toMatch(/room for 95 DATA/);
    expect(delegated(pool({ owner: ACCOUNT.toUpperCase().replace('0X', '0x') as Hex }), parsePositiveData('96')).why).toBeNull();
    expect(delegated(pool({ delegator: null }), parsePositiveData('96')).why).toMatch(/room/);
    expect(delegated(pool(), parsePositiveData('0')).why).toMatch(/more than 0/);
  });

  it('is a request for no more than the part is worth', () => {
    const most = { action: 'request_delegation', operator: 3, amount_wei: `${3n * WEI}` };
    expect(asked(pool(), parsePositiveData('3'))).toEqual({ action: most, why: null });
    expect(asked(pool(), parsePositiveData('3.1')).why).toMatch(/worth 3 DATA/);
    expect(asked(pool({ delegator: null }), parsePositiveData('1')).why).toMatch(/worth 0 DATA/);
    expect(asked(pool(), parsePositiveData('x')).why).toMatch(/no amount/);
  });

  it('stands at an address of its own', () => {
    expect(parseRoute('#/delegator')).toEqual({ view: 'delegations', address: null });
    expect(parseRoute(`#/delegator/${ACCOUNT}`)).toEqual({ view: 'delegations', address: ACCOUNT });
    expect(parseRoute('#/delegator/3')).toEqual({ view: 'delegation', id: 3 });
    for (const wrong of ['#/delegator/0x12', '#/delegator/a', '#/delegator/1/2']) expect(parseRoute(wrong).view).toBe('nowhere');
  });

  it('has its cut in percent, exactly', () => {
    expect([0, 1, 1_250, 5_000].map(percentOfBps)).toEqual(['0 %', '0.01 %', '12.5 %', '50 %']);
  });
});

describe('a request for a delegation', () => {
  const action = { action: 'request_delegation', operator: 3, amount_wei: '2' };
  const ask = send('ask for the delegation back');
  const move = { ...send('move money'), data: '0x5678', gas: null } as ActionPlan['steps'][number];
  const warned = { ...plan(ask, move), warnings: ['It waits.'] };

  it('is agreed to first, and its second step goes out though what was asked for is gone', async () => {
    const gone = new Problem(409, 'refused', 'Refused', '2 DATA were asked for, and what is there is worth 1 DATA');
    const plans = new Turns([warned, gone]);
    const wallet = new ScriptedWallet({ eth_sendTransaction: new Turns([...HASHES]) });
    const { flow, agreedTo } = watch({ wallet, plans: () => plans.next() as ActionPlan | Error });
    expect(await run(flow, { action, account: ACCOUNT })).toEqual({ at: 'done', text: 'Done.', hashes: HASHES });
    expect(agreedTo).toEqual([['It waits.']]);
    const [second] = wallet.of('eth_sendTransaction')[1] as [Record<string, string>];
    expect([second.data, second.gas]).toEqual(['0x5678', undefined]);
  });

  it('stops before its second step when the server cannot be reached, and says that the first stays', async () => {
    const plans = new Turns([warned, new Problem(0, 'unreachable', 'The server does not answer', 'It cannot be reached.')]);
    const wallet = new ScriptedWallet({ eth_sendTransaction: new Turns([...HASHES]) });
    const { flow } = watch({ wallet, plans: () => plans.next() as ActionPlan | Error });
    const end = await run(flow, { action, account: ACCOUNT });
    expect(end).toMatchObject({ at: 'failed', text: expect.stringMatching(/step before it was carried out and stays/) });
    expect(wallet.of('eth_sendTransaction').length).toBe(1);
  });
});
