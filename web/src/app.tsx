/** The frame around every view: head, way around, how fresh the figures are. */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect } from 'preact/hooks';
import type { Network } from './api/types';
import { Context } from './context';
import { FIRST_VIEWS, type FirstName } from './first_views';
import { STALE_MS, useFreshness, useLoad, useNow } from './live';
import { ProblemNote } from './parts/section';
import { WalletMenu } from './parts/wallet_menu';
import { useRoute, type Route } from './route';
import { clock, date } from './times';
import { EpochView } from './views/auditor/epoch';
import { EpochsView } from './views/auditor/epochs';
import { PayoutView } from './views/auditor/payout';
import { ProofView } from './views/auditor/proof';
import { ReceiptsView } from './views/auditor/receipts';
import { DelegationView } from './views/delegator/delegation';
import { DelegationsView } from './views/delegator/delegations';
import { NetworkView } from './views/network';
import { NowhereView } from './views/nowhere';
import { OperatorView } from './views/operator/operator';
import { OperatorsView } from './views/operator/operators';
import { PublisherView } from './views/publisher/publisher';
import { SponsorsView } from './views/sponsor/sponsors';
import { VaultView } from './views/sponsor/vault';
import { StreamView } from './views/stream';
import { useSession } from './wallet/session';
import icon from './icon.svg';

/** The views that each way leads to. */
const VIEWS: Record<FirstName, Route['view'][]> = {
  network: ['network', 'stream'],
  publisher: ['publisher'],
  operator: ['operators', 'operator'],
  delegator: ['delegations', 'delegation'],
  sponsor: ['sponsors', 'vault'],
  auditor: ['epochs', 'epoch', 'proof', 'payout', 'receipts'],
};
const WAYS = Object.keys(FIRST_VIEWS) as FirstName[];

export function App() {
  const network = useLoad<Network>('/v1/network');
  const session = useSession();
  const route = useRoute();
  const isKnown = network.data !== null || network.problem !== null;
  // What index.html has stays until there is more to say, and goes in the frame in which that comes.
  useLayoutEffect(() => {
    if (isKnown) document.getElementById('early')?.remove();
  }, [isKnown]);
  if (!network.data) {
    if (!network.problem) return null;
    return (
      <Frame route={route}>
        <h1 class="unseen">Tatum</h1>
        <ProblemNote problem={network.problem} />
      </Frame>
    );
  }
  return (
    <Context.Provider value={{ network: network.data, session }}>
      <Frame route={route} wallet version={network.data.version}>
        <View route={route} />
      </Frame>
    </Context.Provider>
  );
}

function View({ route }: { route: Route }) {
  switch (route.view) {
    case 'network':
      return <NetworkView />;
    case 'stream':
      return <StreamView key={route.stream} stream={route.stream} />;
    case 'publisher':
      return <PublisherView address={route.address} />;
    case 'operators':
      return <OperatorsView />;
    case 'operator':
      return <OperatorView key={route.id} id={route.id} />;
    case 'delegations':
      return <DelegationsView address={route.address} />;
    case 'delegation':
      return <DelegationView key={route.id} id={route.id} />;
    case 'sponsors':
      return <SponsorsView account={route.account} owner={route.owner} />;
    case 'vault':
      return <VaultView key={route.address} address={route.address} />;
    case 'epochs':
      return <EpochsView />;
    case 'epoch':
      return <EpochView key={route.epoch} epoch={route.epoch} />;
    case 'proof':
      return <ProofView key={`${route.epoch}/${route.id}`} epoch={route.epoch} id={route.id} />;
    case 'payout':
      return <PayoutView epoch={route.epoch} id={route.id} />;
    case 'receipts':
      return <ReceiptsView epoch={route.epoch} offset={route.offset} />;
    case 'nowhere':
      return <NowhereView path={route.path} />;
  }
}

interface FrameProps {
  route: Route;
  children: ComponentChildren;
  wallet?: boolean;
  version?: string;
}

function Frame({ route, children, wallet = false, version }: FrameProps) {
  return (
    <>
      <a class="skip" href="#main" onClick={skip}>
        Skip to the figures
      </a>
      <header class="head">
        <a class="brand" href="#/network">
          <img src={icon} width="28" height="28" alt="" />
          Tatum
        </a>
        <nav aria-label="Views">
          {WAYS.map((name) => (
            <a href={`#/${name}`} aria-current={VIEWS[name].includes(route.view) ? 'page' : undefined}>
              {FIRST_VIEWS[name].way}
            </a>
          ))}
        </nav>
        {wallet && <WalletMenu />}
      </header>
      <Staleness />
      <main id="main" tabIndex={-1}>
        {children}
      </main>
      <footer>
        <a href="/docs/">API</a>
        <a href="/openapi.json">OpenAPI</a>
        {version && <span>Version {version}</span>}
      </footer>
    </>
  );
}

/** The address behind "#" is the view's, so the link moves the focus by itself. */
function skip(event: Event): void {
  event.preventDefault();
  document.getElementById('main')?.focus();
}

/** Says since when the chain is not heard of. */
function Staleness() {
  const { answered_ms, moved_ms, head } = useFreshness();
  const now = useNow();
  const silent = now - answered_ms > STALE_MS;
  const still = now - moved_ms > STALE_MS;
  return (
    <div class="staleness" role="status">
      {(silent || still) && (
        <p class="notice warn">
          {silent
            ? `No chain node answers since ${clock(answered_ms)}.`
            : `There is no new block since ${clock(moved_ms)}: the server’s chain node is gone, or the chain stands still.`}{' '}
          {head
            ? `All figures are as of block ${head.block}, ${date(head.time_s)}, and may have changed.`
            : 'There are no figures yet.'}
        </p>
      )}
    </div>
  );
}
