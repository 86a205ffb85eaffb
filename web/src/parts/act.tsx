/** The button that carries out an action, and what becomes of it. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { systemClock } from '../actions/clock';
import { run, type Stage } from '../actions/flow';
import type { Action, PaidAction } from '../api/types';
import { useSurroundings } from '../context';
import { api, refresh } from '../live';
import { openWallets } from './wallet_menu';
import { Hash } from './figures';

interface ActProps {
  label: string;
  /** What is asked for; null while the input is not right, which `onAttempt` then says. */
  action: () => Action | null;
  asBatch?: boolean;
  /** The same as the server sends and pays for it, where that is wanted. */
  paid?: (action: Action) => PaidAction | null;
  quiet?: boolean;
  /** What the button is called to whoever does not see what stands beside it. */
  name?: string;
  onDone?: () => void;
}

export function Act({ label, action, asBatch = false, paid, quiet = false, name, onDone }: ActProps) {
  const { network, session } = useSurroundings();
  const [stage, setStage] = useState<Stage>({ at: 'idle' });
  const [notes, setNotes] = useState<string[]>([]);
  const agreed = useRef<((goOn: boolean) => void) | null>(null);
  const { connected } = session;

  const start = async () => {
    const asked = action();
    if (!asked || !connected) return;
    const agree = () => new Promise<boolean>((decide) => (agreed.current = decide));
    const flow = { api, provider: connected.wallet.provider, clock: systemClock, report: setStage, note: setNotes, agree };
    setNotes([]);
    const end = await run(flow, { action: asked, account: connected.account, asBatch, paid: paid?.(asked) ?? null });
    refresh();
    if (end.at === 'done') onDone?.();
  };

  const busy = !['idle', 'done', 'failed', 'warned'].includes(stage.at);
  const kind = quiet ? 'quiet' : 'main';
  return (
    <div class="act">
      {stage.at === 'warned' ? (
        <Warnings warnings={stage.warnings} decide={(goOn) => agreed.current?.(goOn)} />
      ) : !connected ? (
        <button type="button" class={kind} onClick={openWallets}>
          Connect a wallet<span class="unseen"> to: {name ?? label}</span>
        </button>
      ) : connected.chainId !== network.chain_id ? (
        <button type="button" class={kind} onClick={() => session.switchTo(network.chain_id)}>
          Switch network<span class="unseen"> to: {name ?? label}</span>
        </button>
      ) : (
        <button type="button" class={kind} onClick={start} aria-disabled={busy} disabled={busy} aria-label={name}>
          {label}
        </button>
      )}
      <Progress stage={stage} />
      {busy && notes.map((note) => <p class="hint">{note}</p>)}
    </div>
  );
}

function Warnings({ warnings, decide }: { warnings: string[]; decide: (goOn: boolean) => void }) {
  const first = useRef<HTMLButtonElement>(null);
  useEffect(() => first.current?.focus(), []);
  return (
    <div class="notice warn" role="group" aria-label="Before you go on">
      {warnings.map((warning) => (
        <p>{warning}</p>
      ))}
      <div class="buttons">
        <button type="button" class="main" ref={first} onClick={() => decide(true)}>
          Go on
        </button>
        <button type="button" class="quiet" onClick={() => decide(false)}>
          Leave it
        </button>
      </div>
    </div>
  );
}

/** Where it is. The element stays, so that screen readers hear every change. */
function Progress({ stage }: { stage: Stage }) {
  const kind = stage.at === 'failed' ? 'bad' : stage.at === 'done' ? 'good' : 'now';
  const hashes =
    stage.at === 'done' || stage.at === 'failed' ? stage.hashes : stage.at === 'pending' && stage.hash ? [stage.hash] : [];
  return (
    <div class={`progress ${kind}`} role="status" aria-live="polite" data-stage={stage.at}>
      {words(stage)}
      {hashes.map((hash) => (
        <span class="transaction">
          {' '}
          Transaction <Hash hex={hash} />
        </span>
      ))}
    </div>
  );
}

function words(stage: Stage): string {
  switch (stage.at) {
    case 'idle':
      return '';
    case 'warned':
      return 'Read this before you go on.';
    case 'preparing':
      return 'Preparing…';
    case 'signing':
      return `Sign in your wallet: ${stage.label}. This costs no gas.`;
    case 'confirming':
      return `Confirm in your wallet: ${stage.label}${of(stage)}.`;
    case 'pending':
      return `Sent${of(stage)}, waiting for the chain… ${stage.note ?? ''}`;
    case 'done':
    case 'failed':
      return stage.text;
  }
}

function of(stage: { step: number; of: number }): string {
  return stage.of > 1 ? ` (${stage.step} of ${stage.of})` : '';
}
