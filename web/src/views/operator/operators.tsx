/** All operators, one's own, registering, and claiming for many. */
import { useState } from 'preact/hooks';
import { count } from '../../amounts';
import type { Account, Operator, Operators } from '../../api/types';
import { useSurroundings } from '../../context';
import { useLoad } from '../../live';
import { Act } from '../../parts/act';
import { Field } from '../../parts/field';
import { Age, Bytes, Data, Hash, Nano } from '../../parts/figures';
import { pageOf } from '../../parts/pages';
import { FirstHeading, Section, Show, Table } from '../../parts/section';
import { MOST_CLAIMS, parseIds } from './ids';
import { Register } from './register';

const PAGE = 50;

export function OperatorsView() {
  const { session } = useSurroundings();
  const own = session.connected?.account;
  const account = useLoad<Account>(own ? `/v1/accounts/${own}` : null);
  const mine = account.data?.operators ?? [];
  return (
    <>
      <FirstHeading view="operator" />
      {mine.length > 0 && (
        <p class="who">
          Yours:{' '}
          {mine.map((id) => (
            <a class="chip" href={`#/operator/${id}`}>
              Operator {id}
            </a>
          ))}
        </p>
      )}
      <List mine={mine} />
      <ClaimMany />
      <Register account={account.data} />
    </>
  );
}

function List({ mine }: { mine: number[] }) {
  const [after, setAfter] = useState<number[]>([]);
  const operators = useLoad<Operators>(`/v1/operators${pageOf(PAGE, 'after', after)}`);
  return (
    <Section title="All operators" foot={operators.data && <Age asOf={operators.data.as_of} />}>
      <Show loaded={operators}>
        {({ operators: rows, next }) => (
          <>
            <Table
              caption="Operators"
              rows={rows}
              empty="Nobody has registered yet."
              columns={[
                {
                  name: 'Operator',
                  cell: (row) => (
                    <a href={`#/operator/${row.id}`}>
                      {row.id}
                      {mine.includes(row.id) && ' (yours)'}
                    </a>
                  ),
                },
                { name: 'Bond', cell: (row) => <Data wei={row.bond_wei} unit={false} />, numeric: true },
                { name: 'Capacity', cell: (row) => <Bytes bytes={row.capacity_bytes} />, numeric: true },
                { name: 'Claimed', cell: (row) => <Nano nano={row.claimed_nano} unit={false} />, numeric: true },
                { name: 'State', cell: (row) => <State operator={row} /> },
                { name: 'Owner', cell: (row) => <Hash hex={row.owner} /> },
              ]}
            />
            <div class="buttons">
              {after.length > 0 && (
                <button type="button" class="quiet" onClick={() => setAfter(after.slice(0, -1))}>
                  Back
                </button>
              )}
              {next !== null && (
                <button type="button" class="quiet" onClick={() => setAfter([...after, next])}>
                  Next
                </button>
              )}
            </div>
          </>
        )}
      </Show>
    </Section>
  );
}

export function State({ operator }: { operator: Operator }) {
  if (operator.exit_epoch !== null) return <span class="state">left in epoch {count(operator.exit_epoch)}</span>;
  if (BigInt(operator.capacity_bytes) === 0n && BigInt(operator.next_capacity_bytes) > 0n)
    return <span class="state">from the next epoch</span>;
  return <span class="state good">active</span>;
}

function ClaimMany() {
  const [text, setText] = useState('');
  const [error, setError] = useState<string | null>(null);
  return (
    <Section title="Claim for others">
      <p class="hint">Anybody may claim for anybody: the money goes to each operator’s payout address.</p>
      <Field
        label="Operators"
        value={text}
        onValue={(value) => (setError(null), setText(value))}
        error={error}
        hint="Numbers and ranges, such as 0, 2, 5-9"
      />
      <Act
        label="Claim"
        onDone={() => setText('')}
        action={() => {
          const operators = parseIds(text);
          setError(operators ? null : `Write numbers and ranges, such as 0, 2, 5-9: at most ${MOST_CLAIMS} operators.`);
          return operators && { action: 'claim', operators };
        }}
      />
    </Section>
  );
}
