import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { run } from '../src/actions/flow';
import { WEI, parsePositiveData } from '../src/amounts';
import type { Vault } from '../src/api/sponsors';
import type { Hex } from '../src/api/types';
import { keccak256, keccak256OfText } from '../src/keccak';
import { parseRoute } from '../src/route';
import { parseStream, parseStreams, wordOf, type NamedStream } from '../src/views/sponsor/stream_names';
import { askedBack, canStake, idleNote, newVault, shortShares, sponsored } from '../src/views/sponsor/typed';
import { ACCOUNT, POOL, ScriptedWallet, Turns, plan, send, sign, watch } from './scripted';

interface Vectors {
  streams: { name: string; id: string; partition: number; owner: Hex | null; key: Hex }[];
  sets: { name: string; streams: string[]; word: Hex }[];
  refused: { name: string; id: string }[];
}

const vectors = JSON.parse(readFileSync(new URL('../../tests/vectors/streams.json', import.meta.url), 'utf8')) as Vectors;
const OWNER: Hex = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266';
const HASH = `0x${'ab'.repeat(32)}` as Hex;

const vault = (more: Partial<Vault> = {}): Vault => ({
  vault: POOL,
  stream_owner: OWNER,
  streams: HASH,
  end_epoch: 90,
  ended: false,
  shares: '0',
  total_wei: '0',
  staked_wei: '0',
  idle_wei: '0',
  rest_wei: '0',
  owed_wei: '0',
  least_stake_wei: `${3n * WEI}`,
  fee_rate_ppb: 10_000_000,
  quota_bytes: '0',
  next_quota_bytes: '0',
  keys: [],
  unbonding_epochs: 4,
  epoch: 7,
  next_epoch_at_s: 0,
  sponsor: { account: ACCOUNT, shares: '0', worth_wei: `${3n * WEI}`, balance_wei: `${5n * WEI}`, requests: [] },
  ...more,
});

describe('keccak', () => {
  it('gives the digests that everybody knows', () => {
    expect(keccak256(new Uint8Array())).toBe('0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470');
    expect(keccak256OfText('Transfer(address,address,uint256)')).toBe(
      '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef',
    );
  });
});

describe('streams by their names', () => {
  it('have the keys and owners that Rust gives them', () => {
    expect(vectors.streams.length).toBeGreaterThan(10);
    for (const { name, id, partition, owner, key } of vectors.streams) {
      expect([name, parseStream(`${id}#${partition}`)]).toEqual([name, { key, owner }]);
      if (partition === 0) expect([name, parseStream(id)]).toEqual([name, { key, owner }]);
    }
  });

  it('have the words that Rust gives them, in whatever order', () => {
    for (const { name, streams, word } of vectors.sets) {
      const keys = streams.map((stream) => (parseStream(stream) as NamedStream).key);
      expect([name, wordOf(keys), wordOf([...keys].reverse())]).toEqual([name, word, word]);
    }
    expect(wordOf([])).toBeNull();
  });

  it('are refused where Rust refuses them, with words', () => {
    for (const { name, id } of vectors.refused) expect([name, typeof parseStream(id)]).toEqual([name, 'string']);
    expect(parseStream('acme#1#2')).toMatch(/more than one/);
    for (const partition of ['65536', '-1', 'x', '']) expect(parseStream(`acme#${partition}`)).toMatch(/no partition/);
    expect(parseStream(`${OWNER.slice(0, -1)}/weather`)).toMatch(/40 hexadecimal digits/);
  });

  it('are of one owner, who is named where they do not name it', () => {
    const [one] = vectors.sets;
    expect(parseStreams(`\n ${one!.streams[0]} \n`, '')).toEqual({ stream_owner: OWNER, streams: one!.word });
    expect(parseStreams('acme/weather', ` ${OWNER} `)).toMatchObject({ stream_owner: OWNER });
    expect(parseStreams('acme/weather', '')).toMatch(/Name the streams’ owner/);
    expect(parseStreams('acme/weather', '0x12')).toMatch(/An address is/);
    expect(parseStreams('acme/weather', OWNER.replace('0xf39f', '0xF39f'))).toMatch(/mistyped/);
    expect(parseStreams(`${OWNER}/a`, ACCOUNT)).toMatch(/not of 0x7099/);
    expect(parseStreams(`${OWNER}/a ${ACCOUNT}/a`, '')).toMatch(/not of 0xf39f/);
    expect(parseStreams(' ', OWNER)).toMatch(/Name a stream/);
  });
});

describe('what is typed of a vault', () => {
  it('is an amount that the account has and the contract takes', () => {
    const action = { action: 'sponsor', vault: POOL, amount_wei: `${5n * WEI}`, by: 'permit' };
    expect(sponsored(vault(), parsePositiveData('5'), 'permit')).toEqual({ action, why: null });
    expect(sponsored(vault(), parsePositiveData('5.1'), 'permit').why).toMatch(/You have 5 DATA/);
    expect(sponsored(vault(), parsePositiveData('0.09'), 'permit').why).toMatch(/0.1 DATA at least/);
    expect(sponsored(vault(), parsePositiveData('0.1'), 'permit').why).toBeNull();
    expect(sponsored(vault({ sponsor: null }), parsePositiveData('9'), 'permit').why).toBeNull();
    expect(sponsored(vault(), parsePositiveData('x'), 'permit').why).toMatch(/no amount/);
  });

  it('is a request for no more than the part is worth', () => {
    const action = { action: 'request_sponsored', vault: POOL, amount_wei: `${3n * WEI}` };
    expect(askedBack(vault(), parsePositiveData('3'))).toEqual({ action, why: null });
    expect(askedBack(vault(), parsePositiveData('3.1')).why).toMatch(/worth 3 DATA/);
    expect(askedBack(vault({ sponsor: null }), parsePositiveData('1')).why).toMatch(/worth 0 DATA/);
  });

  it('is a vault that ends so many epochs from now', () => {
    const { streams, word } = vectors.sets[0]!;
    const action = { action: 'create_sponsor_vault', stream_owner: OWNER, streams: word, end_epoch: 97 };
    expect(newVault(streams[0]!, '', ' 90 ', 7)).toEqual({ action, why: null });
    for (const wrong of ['', '0', '1001', '1.5', '-1', 'x']) expect(newVault(streams[0]!, '', wrong, 7).why).toMatch(/from 1 to 1000/);
    expect(newVault('', '', '90', 7).why).toMatch(/Name a stream/);
  });

  it('stands at an address of its own', () => {
    expect(parseRoute('#/sponsor')).toEqual({ view: 'sponsors', account: null, owner: null });
    expect(parseRoute(`#/sponsor/${POOL}`)).toEqual({ view: 'vault', address: POOL });
    expect(parseRoute(`#/sponsor/account/${ACCOUNT}`)).toEqual({ view: 'sponsors', account: ACCOUNT, owner: null });
    expect(parseRoute(`#/sponsor/owner/${OWNER}`)).toEqual({ view: 'sponsors', account: null, owner: OWNER });
    for (const wrong of ['1', '0x12', 'owner', `owner/${OWNER}/1`, `x/${OWNER}`, `${POOL}/1`]) {
      expect(parseRoute(`#/sponsor/${wrong}`).view).toBe('nowhere');
    }
  });
});

describe('what lies in a vault', () => {
  it('says what is missing to a stake, or that it can be staked', () => {
    const idle = { idle_wei: `${WEI}` };
    expect(idleNote(vault())).toBeNull();
    expect(idleNote(vault(idle))).toMatch(/^2 DATA are missing to a stake’s least, 3 DATA/);
    expect(idleNote(vault({ ...idle, staked_wei: `${2n * WEI}` }))).toMatch(/can stake it/);
    expect(idleNote(vault({ ...idle, ended: true }))).toMatch(/has ended/);
  });

  it('is staked from a stake’s least on, until the end', () => {
    expect(canStake(vault())).toBe(false);
    expect(canStake(vault({ staked_wei: `${9n * WEI}` }))).toBe(false);
    expect(canStake(vault({ idle_wei: '1', staked_wei: `${3n * WEI - 1n}` }))).toBe(true);
    expect(canStake(vault({ idle_wei: '1', staked_wei: `${3n * WEI - 2n}` }))).toBe(false);
    expect(canStake(vault({ rest_wei: `${3n * WEI}` }))).toBe(true);
    expect(canStake(vault({ idle_wei: `${3n * WEI}`, ended: true }))).toBe(false);
  });

  it('has shares as the command line tells them: a DATA buys one at first', () => {
    expect(shortShares(`${25n * 10n ** 27n}`)).toBe('25');
    expect(shortShares(`${10n ** 27n / 2n}`)).toBe('0.5');
  });
});

describe('sponsoring', () => {
  const action = { action: 'sponsor', vault: POOL, amount_wei: '5', by: 'permit' };

  it('is by approval where the wallet signs no typed data', async () => {
    const plans = new Turns([plan(sign(2_000)), plan(send('approve the amount'), { ...send('sponsor'), data: '0x5678' } as never)]);
    const wallet = new ScriptedWallet({ eth_signTypedData_v4: { code: 4200 }, eth_sendTransaction: HASH });
    const { flow, asked } = watch({ wallet, plans: () => plans.next() as never });
    expect(await run(flow, { action, account: ACCOUNT })).toMatchObject({ at: 'done', hashes: [HASH, HASH] });
    expect(asked[1]).toEqual({ account: ACCOUNT, ...action, by: 'approve' });
  });

  it.each(['request_sponsored', 'request_sponsored_all', 'authorize_sponsored_key', 'revoke_sponsored_key'])(
    'asks once more before %s, and changes nothing if that is left',
    async (name) => {
      const wallet = new ScriptedWallet({});
      const warned = { ...plan(send('ask')), warnings: ['There is no way back.'] };
      const { flow, agreedTo } = watch({ wallet, plans: () => warned, agree: false });
      const end = await run(flow, { action: { action: name, vault: POOL }, account: ACCOUNT });
      expect(end).toMatchObject({ at: 'failed', text: expect.stringMatching(/Nothing has changed/) });
      expect([agreedTo, wallet.of('eth_sendTransaction')]).toEqual([[['There is no way back.']], []]);
    },
  );
});
