/** Amounts, addresses and times as they stand in every view. */
import type { ComponentChildren } from 'preact';
import { exactData, exactNano, shortBytes, shortData, shortNano, count } from '../amounts';
import type { AsOf } from '../api/types';
import { useNow } from '../live';
import { date, span } from '../times';

/** An amount of DATA in wei; all digits stand in its title. */
export function Data({ wei, unit = true }: { wei: string; unit?: boolean }) {
  const value = BigInt(wei);
  return (
    <data class="number" value={wei} title={`${exactData(value)} DATA`}>
      {shortData(value)}
      {unit && <span class="unit"> DATA</span>}
    </data>
  );
}

/** An amount of DATA in nano; `exact` where sums are to be followed. */
export function Nano({ nano, unit = true, exact = false }: { nano: string; unit?: boolean; exact?: boolean }) {
  const value = BigInt(nano);
  return (
    <data class="number" value={nano} title={`${exactNano(value)} DATA`}>
      {exact ? count(value / 10n ** 9n) + exactNano(value).replace(/^\d+/, '') : shortNano(value)}
      {unit && <span class="unit"> DATA</span>}
    </data>
  );
}

export function Bytes({ bytes }: { bytes: string }) {
  const value = BigInt(bytes);
  return (
    <data class="number" value={bytes} title={`${count(value)} bytes`}>
      {shortBytes(value)}
    </data>
  );
}

/** An address or a hash: shortened to the eye, whole to whoever copies or listens. */
export function Hash({ hex, whole = false }: { hex: string; whole?: boolean }) {
  if (whole || hex.length <= 14) return <code class="hash whole">{hex}</code>;
  return (
    <code class="hash" title={hex}>
      <span aria-hidden="true">
        {hex.slice(0, 8)}…{hex.slice(-6)}
      </span>
      <span class="unseen">{hex}</span>
    </code>
  );
}

export function When({ time_s }: { time_s: number }) {
  return <time dateTime={new Date(time_s * 1000).toISOString()}>{date(time_s)}</time>;
}

/** Time until something, or that it has come. */
export function Until({ time_s }: { time_s: number }) {
  const left = time_s - useNow() / 1000;
  return <span class="number">{left > 0 ? span(left) : 'now'}</span>;
}

/** As of which block the figures beside it are, and how old that is. */
export function Age({ asOf }: { asOf: AsOf }) {
  const age = useNow() / 1000 - asOf.time_s;
  return (
    <p class="age" title={asOf.hash}>
      As of block {count(asOf.block)}, {span(age)} ago{asOf.finalized ? ', final' : ', not final yet'}
    </p>
  );
}

/** Figures with their names; each `Figure` is one of them. */
export function Figures({ children }: { children: ComponentChildren }) {
  return <dl class="figures">{children}</dl>;
}

export function Figure({ name, children, note }: { name: string; children: ComponentChildren; note?: ComponentChildren }) {
  return (
    <div class="figure">
      <dt>{name}</dt>
      <dd>
        <div class="value">{children}</div>
        {note && <div class="note">{note}</div>}
      </dd>
    </div>
  );
}
