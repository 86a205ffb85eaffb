/** The wallet in the page's head: which there are, which is connected, on which chain. */
import { useEffect, useRef } from 'preact/hooks';
import { useSurroundings } from '../context';
import { Hash } from './figures';

const ID = 'wallets';

/** Opens the list of wallets, for buttons elsewhere that need one. */
export function openWallets(): void {
  const menu = document.getElementById(ID) as HTMLDetailsElement | null;
  if (!menu) return;
  menu.open = true;
  menu.querySelector<HTMLElement>('button, summary')?.focus();
}

export function WalletMenu() {
  const { session, network } = useSurroundings();
  const { connected, wallets, error } = session;
  const menu = useRef<HTMLDetailsElement>(null);
  useEffect(() => closeByEscape(menu.current), []);
  const wrong = connected !== null && connected.chainId !== network.chain_id;
  return (
    <div class="wallet">
      {wrong && (
        <button type="button" class="main" onClick={() => session.switchTo(network.chain_id)}>
          Switch network
        </button>
      )}
      <details id={ID} ref={menu}>
        <summary>{connected ? <Hash hex={connected.account} /> : 'Connect wallet'}</summary>
        <div class="menu">
          {connected ? (
            <>
              <p>
                {connected.wallet.info.name}, chain {connected.chainId}
              </p>
              <p>
                <Hash hex={connected.account} whole />
              </p>
              <button type="button" class="quiet" onClick={session.disconnect}>
                Disconnect
              </button>
            </>
          ) : (
            <>
              {wallets.length === 0 && (
                <p>
                  No wallet announces itself in this browser. Install one, or use the command line: it does all of this as well.
                </p>
              )}
              {wallets.map((wallet) => (
                <button
                  type="button"
                  class="quiet"
                  onClick={() => session.connect(wallet).then(() => menu.current && (menu.current.open = false))}
                >
                  {wallet.info.name}
                </button>
              ))}
            </>
          )}
        </div>
      </details>
      <div class="walleterror" role="status">
        {error ?? (wrong ? `Your wallet is on chain ${connected.chainId}; this network is on chain ${network.chain_id}.` : '')}
      </div>
    </div>
  );
}

function closeByEscape(menu: HTMLDetailsElement | null): () => void {
  const close = (event: KeyboardEvent) => {
    if (event.key !== 'Escape' || !menu?.open) return;
    menu.open = false;
    menu.querySelector('summary')?.focus();
  };
  document.addEventListener('keydown', close);
  return () => document.removeEventListener('keydown', close);
}
