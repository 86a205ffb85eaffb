/**
 * The connected wallet.
 *
 * Invariant: account and chain are what the wallet last said, never what was asked of it.
 */
import { useEffect, useState } from 'preact/hooks';
import type { Hex } from '../api/types';
import { accountsOf, chainOf, discover, hexOf, type Provider, type Wallet } from './provider';
import { walletError } from './words';

export interface Connected {
  wallet: Wallet;
  account: Hex;
  chainId: number;
}

export interface Session {
  wallets: Wallet[];
  connected: Connected | null;
  /** Why the last attempt failed. */
  error: string | null;
  connect(wallet: Wallet): Promise<void>;
  disconnect(): void;
  switchTo(chainId: number): Promise<void>;
}

const REMEMBERED = 'tatum.wallet';

export function useSession(): Session {
  const [wallets, setWallets] = useState<Wallet[]>([]);
  const [connected, setConnected] = useState<Connected | null>(null);
  const [error, setError] = useState<string | null>(null);

  const take = async (wallet: Wallet, method: 'eth_accounts' | 'eth_requestAccounts') => {
    const [account] = await accountsOf(wallet.provider, method);
    const chainId = await chainOf(wallet.provider);
    if (account) setConnected({ wallet, account, chainId });
    return account !== undefined;
  };

  useEffect(
    () =>
      discover(window, (wallet) => {
        setWallets((before) => [...before, wallet]);
        // Whoever was connected stays so after the page is loaded again, if the wallet agrees without asking.
        if (remembered() === wallet.info.rdns) take(wallet, 'eth_accounts').catch(() => undefined);
      }),
    [],
  );

  useEffect(() => (connected ? watch(connected.wallet, setConnected) : undefined), [connected?.wallet]);

  return {
    wallets,
    connected,
    error,
    connect: async (wallet) => {
      setError(null);
      try {
        if (await take(wallet, 'eth_requestAccounts')) remember(wallet.info.rdns);
        else setError('The wallet shows no account.');
      } catch (failure) {
        setError(walletError(failure, 'eth_requestAccounts').text);
      }
    },
    disconnect: () => {
      remember(null);
      setError(null);
      setConnected(null);
    },
    switchTo: async (chainId) => {
      if (!connected) return;
      setError(null);
      setError(await switchChain(connected.wallet.provider, chainId));
      const now = await chainOf(connected.wallet.provider).catch(() => connected.chainId);
      setConnected((before) => before && { ...before, chainId: now });
    },
  };
}

/** Asks the wallet to go to a chain; why it did not. */
async function switchChain(provider: Provider, chainId: number): Promise<string | null> {
  const method = 'wallet_switchEthereumChain';
  try {
    await provider.request({ method, params: [{ chainId: hexOf(chainId) }] });
    return null;
  } catch (error) {
    return walletError(error, method).text;
  }
}

/** Follows the wallet's account and chain. */
function watch(wallet: Wallet, set: (change: (before: Connected | null) => Connected | null) => void): () => void {
  const { provider } = wallet;
  const accounts = (list: Hex[]) =>
    set((before) => (before && list[0] ? { ...before, account: list[0].toLowerCase() as Hex } : null));
  const chain = (id: Hex) => set((before) => before && { ...before, chainId: Number(BigInt(id)) });
  provider.on?.('accountsChanged', accounts as (value: never) => void);
  provider.on?.('chainChanged', chain as (value: never) => void);
  return () => {
    provider.removeListener?.('accountsChanged', accounts as (value: never) => void);
    provider.removeListener?.('chainChanged', chain as (value: never) => void);
  };
}

// Storage may be forbidden; then nothing is remembered.
function remembered(): string | null {
  try {
    return localStorage.getItem(REMEMBERED);
  } catch {
    return null;
  }
}

function remember(rdns: string | null): void {
  try {
    if (rdns === null) localStorage.removeItem(REMEMBERED);
    else localStorage.setItem(REMEMBERED, rdns);
  } catch {
    // As above.
  }
}
