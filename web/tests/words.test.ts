import { describe, expect, it } from 'vitest';
import { walletError } from '../src/wallet/words';

describe('a wallet’s error', () => {
  it.each([
    [{ code: 4001 }, 'rejected', /rejected.*Nothing has changed/],
    [{ code: 4001, message: 'MetaMask Tx Signature: User denied' }, 'rejected', /Nothing has changed/],
    [{ message: 'User rejected the request.' }, 'rejected', /Nothing has changed/],
    [{ code: 4100 }, 'unauthorized', /Connect again/],
    [{ code: 4200 }, 'unsupported', /does not offer eth_x/],
    [{ code: -32601, message: 'Method not found' }, 'unsupported', /does not offer eth_x/],
    [{ code: 4900 }, 'disconnected', /no connection/],
    [{ code: 4902 }, 'unknown_chain', /does not know this chain/],
    [{ code: -32002 }, 'busy', /open its window/],
    [
      { code: -32603, message: 'Internal', data: { message: 'insufficient funds for gas * price + value' } },
      'no_gas',
      /coin to pay for gas/,
    ],
    [{ code: -32000, message: 'nonce too low' }, 'nonce', /same number/],
    [{ code: -32000, message: 'replacement transaction underpriced' }, 'nonce', /same number/],
    [{ code: 5760 }, 'unsupported', /does not offer/],
    [{ code: 1234, message: 'odd' }, 'other', /odd\. Look in the wallet/],
    [undefined, 'other', /no reason/],
    ['text', 'other', /no reason/],
  ])('%j is %s', (error, kind, words) => {
    const said = walletError(error, 'eth_x');
    expect(said.kind).toBe(kind);
    expect(said.text).toMatch(words);
  });
});
