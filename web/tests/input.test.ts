import { describe, expect, it } from 'vitest';
import { keyAndProof } from '../src/parts/key_and_proof';
import { parseRoute } from '../src/route';
import { span } from '../src/times';
import { parseBytes } from '../src/views/operator/bytes_field';
import { parseIds } from '../src/views/operator/ids';
import { discover, sendsBatches, type Wallet } from '../src/wallet/provider';
import { ACCOUNT, ScriptedWallet } from './scripted';

const KEY = `0x${'1f'.repeat(20)}`;
const PROOF = `0x${'2e'.repeat(65)}`;

describe('what is typed', () => {
  it('as operators is numbers and ranges', () => {
    expect(parseIds('0, 2,5-7 2')).toEqual([0, 2, 5, 6, 7]);
    for (const wrong of ['', 'a', '3-1', '0-50', '-1', '1.5', '0-999999999']) expect(parseIds(wrong)).toBeNull();
    expect(parseIds('0-49')?.length).toBe(50);
  });

  it('as capacity is exact bytes', () => {
    expect(parseBytes('1.5', 'GB')).toBe(1_500_000_000n);
    expect(parseBytes('999999999.999', 'TB')).toBe(999_999_999_999_000_000_000n);
    for (const wrong of ['0', '', '1.2345', '-1', '1,5']) expect(parseBytes(wrong, 'GB')).toBeNull();
  });

  it('as a session key is what the command line prints, in either form', () => {
    const found = { key: KEY, proof: PROOF };
    expect(keyAndProof(`payer  ${ACCOUNT}\nkey    ${KEY}\nproof  ${PROOF}\n`, ACCOUNT)).toEqual(found);
    expect(keyAndProof(JSON.stringify({ payer: ACCOUNT, key: KEY, proof: PROOF }), ACCOUNT)).toEqual(found);
    expect(keyAndProof(`${KEY} ${PROOF}`, ACCOUNT)).toEqual(found);
    expect(keyAndProof(`payer ${KEY} key ${ACCOUNT} proof ${PROOF}`, ACCOUNT)).toMatch(/not your account/);
    expect(keyAndProof(`payer ${KEY} key ${ACCOUNT} proof ${PROOF}`, ACCOUNT, 'this vault')).toMatch(/not this vault/);
    expect(keyAndProof(KEY, ACCOUNT)).toMatch(/Paste both/);
    expect(keyAndProof(PROOF, ACCOUNT)).toMatch(/Paste both/);
  });

  it('as an address behind # leads to a view, or to none', () => {
    expect(parseRoute('')).toEqual({ view: 'network' });
    expect(parseRoute('#/operator/3')).toEqual({ view: 'operator', id: 3 });
    expect(parseRoute('#/auditor/5/proof/2')).toEqual({ view: 'proof', epoch: 5, id: 2 });
    expect(parseRoute('#/auditor/5/receipts/25')).toEqual({ view: 'receipts', epoch: 5, offset: 25 });
    expect(parseRoute(`#/publisher/${ACCOUNT}`)).toEqual({ view: 'publisher', address: ACCOUNT });
    for (const wrong of ['#/x', '#/publisher/0x12', '#/auditor/a', '#/operator/1/2', '#/auditor/1/proof/-1']) {
      expect(parseRoute(wrong).view).toBe('nowhere');
    }
  });
});

describe('spans of time', () => {
  it('have their two largest units', () => {
    expect([0, 59, 61, 3600, 3661, 90_000, -5].map(span)).toEqual([
      '0 s',
      '59 s',
      '1 min 1 s',
      '1 h',
      '1 h 1 min',
      '1 d 1 h',
      '0 s',
    ]);
  });
});

describe('wallets', () => {
  it('are found once each, and what is none is passed over', () => {
    const target = new EventTarget();
    const found: string[] = [];
    const stop = discover(target, (wallet) => found.push(wallet.info.name));
    const announce = (detail: unknown) => target.dispatchEvent(Object.assign(new Event('eip6963:announceProvider'), { detail }));
    const wallet = (uuid: string): Wallet => ({
      info: { uuid, name: uuid, icon: '', rdns: uuid },
      provider: new ScriptedWallet({}),
    });
    announce(wallet('a'));
    announce(wallet('a'));
    announce(wallet('b'));
    announce(null);
    announce({ info: { uuid: 'c' } });
    stop();
    announce(wallet('d'));
    expect(found).toEqual(['a', 'b']);
  });

  it('batch only if they say so for this chain', async () => {
    const can = (answer: unknown) => sendsBatches(new ScriptedWallet({ wallet_getCapabilities: answer }), ACCOUNT, 31337);
    expect(await can({ '0x7a69': { atomic: { status: 'supported' } } })).toBe(true);
    expect(await can({ '0x7a69': { atomic: { status: 'unsupported' } } })).toBe(false);
    expect(await can({ '0x1': { atomic: { status: 'supported' } } })).toBe(false);
    expect(await can({ code: 4200 })).toBe(false);
  });
});
