/** Session keys: which may sign receipts for an account, and letting one or no longer letting it. */
import { useState } from 'preact/hooks';
import { count } from '../../amounts';
import type { Account, Action, Hex, SessionKey } from '../../api/types';
import { Act } from '../../parts/act';
import { Field } from '../../parts/field';
import { Age, Hash } from '../../parts/figures';
import { Section, Table } from '../../parts/section';
import { keyAndProof } from './key_and_proof';

export function Keys({ account, mine }: { account: Account; mine: boolean }) {
  return (
    <Section title="Session keys" foot={<Age asOf={account.as_of} />}>
      <p class="hint">
        A session key signs receipts for your account on another machine, so that your own key need not be there.
      </p>
      <Table
        caption="Session keys of this account"
        rows={account.session_keys}
        empty="No key is authorised."
        columns={[
          { name: 'Key', cell: (row) => <Hash hex={row.key} /> },
          { name: 'State', cell: (row) => <State row={row} /> },
          ...(mine ? [{ name: 'Change', cell: (row: SessionKey) => <Revoke row={row} /> }] : []),
        ]}
      />
      {mine && <Authorize payer={account.address} />}
    </Section>
  );
}

function State({ row }: { row: SessionKey }) {
  if (row.state === 'active') return <span class="state good">active</span>;
  return <span class="state">revoked{row.last_epoch !== null && `, signs up to epoch ${count(row.last_epoch)}`}</span>;
}

function Revoke({ row }: { row: SessionKey }) {
  if (row.state !== 'active') return <>–</>;
  const action = (): Action => ({ action: 'revoke_session_key', key: row.key });
  return <Act label="Revoke…" name={`Revoke ${row.key}…`} quiet action={action} />;
}

function Authorize({ payer }: { payer: Hex }) {
  const [text, setText] = useState('');
  const [error, setError] = useState<string | null>(null);
  const action = (): Action | null => {
    const found = keyAndProof(text, payer);
    setError(typeof found === 'string' ? found : null);
    return typeof found === 'string' ? null : { action: 'authorize_session_key', ...found };
  };
  return (
    <>
      <Field
        label="Key and proof"
        lines={3}
        value={text}
        onValue={(value) => (setError(null), setText(value))}
        error={error}
        hint={
          <>
            Run <code>tatum session prove --payer {payer}</code> where the key is, and paste all that it prints.
          </>
        }
      />
      <Act label="Authorise key" action={action} onDone={() => setText('')} />
    </>
  );
}
