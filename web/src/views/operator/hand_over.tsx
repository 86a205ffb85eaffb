/** What an operator is called, and handing it over: its owner offers it, and whoever it is offered to takes it. */
import { useState } from 'preact/hooks';
import type { Action, OneOperator } from '../../api/types';
import { useSurroundings } from '../../context';
import { Act } from '../../parts/act';
import { Field } from '../../parts/field';
import { Hash } from '../../parts/figures';
import { Section } from '../../parts/section';
import { NOBODY, offered, renamed } from './named';

export function Rename({ data }: { data: OneOperator }) {
  const { id } = data.operator;
  const [text, setText] = useState('');
  const [error, setError] = useState<string | null>(null);
  const action = (): Action | null => {
    const made = renamed(id, text);
    setError(made.why);
    return made.action;
  };
  return (
    <Section title="Name">
      <Field
        label="New name or link"
        value={text}
        onValue={(value) => (setError(null), setText(value))}
        error={error}
        hint={data.name ? 'For people. Left empty, it has none any more.' : 'For people: it has none yet.'}
      />
      <Act label="Rename" action={action} onDone={() => setText('')} />
    </Section>
  );
}

export function HandOver({ data }: { data: OneOperator }) {
  const { id, owner } = data.operator;
  const [text, setText] = useState('');
  const [error, setError] = useState<string | null>(null);
  const action = (): Action | null => {
    const made = offered(id, owner, text);
    setError(made.why);
    return made.action;
  };
  return (
    <Section title="Hand over">
      <p class="notice warn">
        Whoever accepts owns the operator with its bond, and there is no way back but by an offer of theirs. Claim first what it earned: from
        then on they say where it is paid.
      </p>
      {data.candidate && (
        <p>
          It is offered to <Hash hex={data.candidate} whole />, who has not accepted yet. Another offer takes its place.
        </p>
      )}
      <Field
        label="Account to offer it to"
        value={text}
        onValue={(value) => (setError(null), setText(value))}
        error={error}
        hint="It has to accept here or with tatum operator accept, so a mistyped address takes nothing."
      />
      <div class="buttons">
        <Act label="Offer…" name="Offer the operator…" action={action} onDone={() => setText('')} />
        {data.candidate && (
          <Act label="Take the offer back" quiet action={() => ({ action: 'offer_operator', operator: id, candidate: NOBODY })} />
        )}
      </div>
    </Section>
  );
}

/** For whoever the operator is offered to. */
export function Offered({ data }: { data: OneOperator }) {
  const { session } = useSurroundings();
  const own = session.connected?.account;
  if (!own || data.candidate?.toLowerCase() !== own.toLowerCase()) return null;
  return (
    <Section title="Offered to you">
      <p>
        <Hash hex={data.operator.owner} /> offers you this operator with its bond. Its payout address and its nodes stay until you change them.
      </p>
      <Act label="Accept…" name="Accept the operator…" action={() => ({ action: 'accept_operator', operator: data.operator.id })} />
    </Section>
  );
}
