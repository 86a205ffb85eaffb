/** One epoch: its pot, what was paid, what it is committed by, and the ways to its receipts, proofs and payouts. */
import { useState } from 'preact/hooks';
import { count } from '../../amounts';
import type { Epoch } from '../../api/types';
import { useLoad } from '../../live';
import { Field } from '../../parts/field';
import { Figure, Figures, Hash, Nano, Until, When } from '../../parts/figures';
import { Heading, Section, Show } from '../../parts/section';
import { Changed } from './changed';
import { State } from './epochs';
import { Owed } from './owed';

export function EpochView({ epoch }: { epoch: number }) {
  const loaded = useLoad<Epoch>(`/v1/epochs/${epoch}`);
  return (
    <>
      <Heading title={`Epoch ${epoch}`} lead={<a href="#/auditor">All epochs</a>}>
        Epoch {count(epoch)}
      </Heading>
      <Show loaded={loaded}>{(data) => <Parts epoch={data} />}</Show>
    </>
  );
}

function Parts({ epoch }: { epoch: Epoch }) {
  return (
    <>
      <Section title="Distribution" foot={<Changed epoch={epoch} />}>
        <Figures>
          <Figure name="State">
            <State epoch={epoch} />
          </Figure>
          <Figure name="Pot" note="with what earlier epochs carried over">
            {epoch.pot_nano ? <Nano nano={epoch.pot_nano} /> : 'not known yet'}
          </Figure>
          <Figure name="To operators">{epoch.distributed_nano ? <Nano nano={epoch.distributed_nano} /> : 'not known yet'}</Figure>
          <Figure name="Receipts counted">{epoch.receipts == null ? 'not known yet' : count(epoch.receipts)}</Figure>
          {epoch.state === 'proposed' && epoch.finalizable_at_s != null && (
            <Figure name="Can become final in" note={<When time_s={epoch.finalizable_at_s} />}>
              <Until time_s={epoch.finalizable_at_s} />
            </Figure>
          )}
        </Figures>
        {epoch.note && <p class="notice warn">{epoch.note}</p>}
        {(epoch.receipts ?? 0) > 0 && (
          <p>
            <a href={`#/auditor/${epoch.epoch}/receipts`}>Receipts of this epoch</a>
          </p>
        )}
      </Section>
      {epoch.root && <Ask epoch={epoch.epoch} />}
      {(epoch.state === 'proposed' || epoch.state === 'finalized') && <Owed epoch={epoch.epoch} />}
      <Section title="Committed by" foot={<Changed epoch={epoch} />}>
        <Commitments epoch={epoch} />
        <p class="hint">
          To work all of it out anew from the dataset: <code>tatum audit epoch {epoch.epoch}</code>
        </p>
      </Section>
    </>
  );
}

function Commitments({ epoch }: { epoch: Epoch }) {
  const rows: [string, string | null | undefined][] = [
    ['Root', epoch.root],
    ['Manifest', epoch.manifest_hash],
    ['Receipts', epoch.receipts_root],
    ['Dataset', epoch.uri],
    ['Block of the inputs', epoch.block_number == null ? null : count(epoch.block_number)],
    ['Its hash', epoch.block_hash],
    ['Proposer', epoch.proposer],
    ['Proposed in', epoch.propose_tx],
    ['Made final in', epoch.finalize_tx],
  ];
  return (
    <dl class="addresses">
      {rows.map(([name, value]) => (
        <>
          <dt>{name}</dt>
          <dd>{value ? <Hash hex={value} whole /> : '–'}</dd>
        </>
      ))}
    </dl>
  );
}

function Ask({ epoch }: { epoch: number }) {
  const [id, setId] = useState('');
  const [error, setError] = useState<string | null>(null);
  const go = (what: 'proof' | 'payout') => (event: Event) => {
    event.preventDefault();
    if (/^\d{1,10}$/.test(id.trim())) location.hash = `#/auditor/${epoch}/${what}/${Number(id)}`;
    else setError('An operator is a number, such as 0.');
  };
  return (
    <Section title="An operator’s payout">
      <form onSubmit={go('payout')}>
        <Field label="Operator" mode="numeric" value={id} onValue={(value) => (setError(null), setId(value))} error={error} />
        <div class="buttons">
          <button type="submit" class="main">
            Explain the payout
          </button>
          <button type="button" class="quiet" onClick={go('proof')}>
            Verify the proof
          </button>
        </div>
      </form>
    </Section>
  );
}
