/**
 * Wallets for tests: announced in the page by EIP-6963, answering from a real chain whose accounts are unlocked (anvil).
 *
 * Invariant: the page itself asks no other origin; what a wallet asks the chain goes through this process.
 */

/** Asks the chain; an error of it is thrown as it came. */
export function chainAt(url) {
  let id = 0;
  return async (method, params = []) => {
    id += 1;
    const body = JSON.stringify({ jsonrpc: '2.0', id, method, params });
    const answer = await (await fetch(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body })).json();
    if (answer.error) throw Object.assign(new Error(answer.error.message), answer.error);
    return answer.result;
  };
}

/**
 * Announces `wallets` in every page of `context`: each has a `name`, an `account`, the `chain` that it is on at first, what it
 * `refuses` (a code by method), and whether it `batches`.
 */
export async function announce(context, chain, wallets) {
  await context.exposeFunction('tatumTestChain', async (method, params) => {
    try {
      return { result: await chain(method, params) };
    } catch (error) {
      return { error: { code: error.code, message: error.message, data: error.data } };
    }
  });
  await context.addInitScript(inPage, wallets);
}

/** Runs in the page before its own code. Tests reach the wallets as `window.tatumTestWallets`, by name. */
function inPage(wallets) {
  const ask = async (method, params) => {
    const { result, error } = await window.tatumTestChain(method, params ?? []);
    if (error) throw Object.assign(new Error(error.message), error);
    return result;
  };

  class TestWallet extends EventTarget {
    constructor(setting) {
      super();
      Object.assign(this, {
        account: setting.account,
        chain: setting.chain,
        refuses: { ...setting.refuses },
        batches: setting.batches,
      });
      this.calls = [];
      this.bundles = new Map();
      this.before = {};
      this.listeners = new Map();
    }

    on(event, listener) {
      const list = this.listeners.get(event) ?? new Set();
      this.listeners.set(event, list.add(listener));
    }

    removeListener(event, listener) {
      this.listeners.get(event)?.delete(listener);
    }

    emit(event, value) {
      for (const listener of this.listeners.get(event) ?? []) listener(value);
    }

    moveTo(chain) {
      this.chain = chain;
      this.emit('chainChanged', chain);
    }

    async request({ method, params }) {
      this.calls.push({ method, params });
      this.before[method]?.();
      const code = this.refuses[method];
      if (code !== undefined) throw Object.assign(new Error(`refused with ${code}`), { code });
      switch (method) {
        case 'eth_requestAccounts':
        case 'eth_accounts':
          return [this.account];
        case 'eth_chainId':
          return this.chain;
        case 'wallet_switchEthereumChain':
          return (this.moveTo(params[0].chainId), null);
        case 'wallet_getCapabilities':
          return this.batches ? { [params[1][0]]: { atomic: { status: 'supported' } } } : {};
        case 'wallet_sendCalls':
          return this.sendCalls(params[0]);
        case 'wallet_getCallsStatus':
          return this.callsStatus(params[0]);
        case 'eth_sendTransaction':
          // A wallet that sends something else than it was asked to.
          return ask(method, [{ ...params[0], ...this.instead }]);
        case 'eth_signTypedData_v4':
        case 'eth_gasPrice':
          return ask(method, params);
        default:
          throw Object.assign(new Error(`${method} is not offered`), { code: 4200 });
      }
    }

    /** One after the other: what a test chain has in place of an account that batches. */
    async sendCalls({ from, calls }) {
      if (!this.batches) throw Object.assign(new Error('no batches'), { code: 4200 });
      const id = `0x${(this.bundles.size + 1).toString(16)}`;
      const hashes = [];
      for (const call of calls) {
        // More than the chain estimates: in the first call of an epoch the pool closes the one before.
        const hash = await ask('eth_sendTransaction', [{ from, gas: '0xf4240', ...call }]);
        while (!(await ask('eth_getTransactionReceipt', [hash]))) await new Promise((done) => setTimeout(done, 100));
        hashes.push(hash);
      }
      this.bundles.set(id, hashes);
      return { id };
    }

    async callsStatus(id) {
      const receipts = [];
      for (const hash of this.bundles.get(id)) receipts.push(await ask('eth_getTransactionReceipt', [hash]));
      const succeeded = receipts.every((receipt) => receipt.status === '0x1');
      return { version: '2.0.0', id, status: succeeded ? 200 : 500, receipts };
    }
  }

  window.tatumTestWallets = {};
  for (const setting of wallets) {
    const provider = new TestWallet(setting);
    window.tatumTestWallets[setting.name] = provider;
    const info = {
      uuid: crypto.randomUUID?.() ?? setting.name,
      name: setting.name,
      icon: 'data:image/svg+xml,<svg/>',
      rdns: `test.${setting.name}`,
    };
    const announcement = () => {
      window.dispatchEvent(new CustomEvent('eip6963:announceProvider', { detail: Object.freeze({ info, provider }) }));
    };
    window.addEventListener('eip6963:requestProvider', announcement);
    announcement();
  }
}
