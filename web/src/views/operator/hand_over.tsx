/** What an operator is called, and handing it over: its owner offers it, and whoever it is offered to takes it. */
import type { OneOperator } from '../../api/types';
import { useSurroundings } from '../../context';
import { Act } from '../../parts/act';
import { Field } from '../../parts/field';
import { Hash } from '../../parts/figures';
import { Section } from '../../parts/section';
import { useTyped } from '../../parts/typed';
import { NOBODY, offered, renamed } from './named';

export function Rename({ data }: { data: OneOperator }) {
  const { id } = data.operator;
  const { field, act } = useTyped((text) => renamed(id, text));
  return (
    <Section title="Name">
      <Field
        label="New name or link"
        {...field}
        hint={data.name ? 'For people. Left empty, it has none any more.' : 'For people: it has none yet.'}
      />
      <Act label="Rename" {...act} />
    </Section>
  );
}

export function HandOver({ data }: { data: OneOperator }) {
  const { id, owner } = data.operator;
  const { field, act } = useTyped((text) => offered(id, owner, text));
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
        {...field}
        hint="It has to accept here or with tatum operator accept, so a mistyped address takes nothing."
      />
      <div class="buttons">
        <Act label="Offer…" name="Offer the operator…" {...act} />
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
