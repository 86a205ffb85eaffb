import { describe, expect, it } from 'vitest';
import { run } from '../src/actions/flow';
import { NOBODY, offered, renamed } from '../src/views/operator/named';
import { ACCOUNT, POOL, ScriptedWallet, plan, send, watch } from './scripted';

describe('an operator', () => {
  it('is renamed with as many bytes as the API takes, and to nothing', () => {
    expect(renamed(3, ' acme ')).toEqual({ action: { action: 'rename_operator', operator: 3, metadata: 'acme' }, why: null });
    expect(renamed(3, '')).toMatchObject({ action: { metadata: '' } });
    expect(renamed(3, 'é'.repeat(128)).why).toBeNull();
    expect(renamed(3, 'é'.repeat(129)).why).toMatch(/at most 256 bytes; this has 258/);
  });

  it('is offered to an account that is not its owner’s', () => {
    const action = { action: 'offer_operator', operator: 3, candidate: POOL };
    expect(offered(3, ACCOUNT, ` ${POOL.toUpperCase().replace('0X', '0x')} `)).toEqual({ action, why: null });
    expect(offered(3, ACCOUNT, ACCOUNT).why).toMatch(/already/);
    for (const wrong of ['', '0x12', NOBODY]) expect(offered(3, ACCOUNT, wrong).why).toMatch(/An address is/);
  });

  it.each(['offer_operator', 'accept_operator'])('asks once more before %s', async (name) => {
    const wallet = new ScriptedWallet({});
    const warned = { ...plan(send('hand over')), warnings: ['There is no way back.'] };
    const { flow, agreedTo } = watch({ wallet, plans: () => warned, agree: false });
    const end = await run(flow, { action: { action: name, operator: 3 }, account: ACCOUNT });
    expect(end).toMatchObject({ at: 'failed', text: expect.stringMatching(/Nothing has changed/) });
    expect([agreedTo, wallet.of('eth_sendTransaction')]).toEqual([[['There is no way back.']], []]);
  });
});
