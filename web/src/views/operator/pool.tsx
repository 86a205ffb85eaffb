/** An operator's pool of delegators, as far as its owner makes it and sets its cut; the pool's own view has the rest. */
import { count, percentOfBps } from '../../amounts';
import type { Delegation, OneOperator } from '../../api/types';
import { useLoad } from '../../live';
import { Act } from '../../parts/act';
import { Field } from '../../parts/field';
import { Age, Data, Figure, Figures } from '../../parts/figures';
import { Section, Show } from '../../parts/section';
import { useTyped } from '../../parts/typed';
import { withCut } from './cut';

export function PoolOfDelegators({ data, mine }: { data: OneOperator; mine: boolean }) {
  const { id, exit_epoch } = data.operator;
  if (data.pool_owner !== null) return <Pool id={id} mine={mine} />;
  return mine && exit_epoch === null ? <Create id={id} /> : null;
}

function Pool({ id, mine }: { id: number; mine: boolean }) {
  const loaded = useLoad<Delegation>(`/v1/operators/${id}/delegation`);
  return (
    <Section title="Pool of delegators" foot={loaded.data && <Age asOf={loaded.data.as_of} />}>
      <Show loaded={loaded}>
        {({ pool }) => (
          <>
            <Figures>
              <Figure name="Delegated" note="the owner’s own part included">
                <Data wei={pool.active_wei} />
              </Figure>
              <Figure
                name="Cut"
                note={
                  pool.next_cut_bps !== null &&
                  pool.next_cut_from !== null &&
                  `${percentOfBps(pool.next_cut_bps)} from epoch ${count(pool.next_cut_from)} on`
                }
              >
                {percentOfBps(pool.cut_bps)}
              </Figure>
            </Figures>
            <p>
              <a href={`#/delegator/${id}`}>The pool of operator {id}</a>
            </p>
          </>
        )}
      </Show>
      {mine && <Cut id={id} />}
    </Section>
  );
}

function Cut({ id }: { id: number }) {
  const { field, act } = useTyped((text) => withCut('set_delegation_cut', id, text));
  return (
    <>
      <Field
        label="New cut"
        unit="%"
        mode="decimal"
        {...field}
        hint="A lower one counts at once. A rise is 5 % at most, and counts after a whole unbonding."
      />
      <Act label="Change" name="Change the cut…" quiet {...act} />
    </>
  );
}

function Create({ id }: { id: number }) {
  const { field, act } = useTyped((text) => withCut('create_delegation_pool', id, text));
  return (
    <Section title="Pool of delegators">
      <p class="notice warn">
        There is no way back: the bond becomes your shares of the pool, and what the operator earns is paid to it. You run the operator
        as before. Claim first what it earned so far.
      </p>
      <Field
        label="Your cut"
        unit="%"
        mode="decimal"
        {...field}
        hint="What you keep of every income, from 0 to 50. It can be lowered at once, and raised slowly."
      />
      <Act label="Make a pool…" quiet {...act} />
    </Section>
  );
}
