/** Session keys: which may sign receipts for an account, and letting one or no longer letting it. */
import { useState } from 'preact/hooks';
import { count } from '../../amounts';
import type { Account, Action, SessionKey } from '../../api/types';
import { Act } from '../../parts/act';
import { Field } from '../../parts/field';
import { Age, Hash } from '../../parts/figures';
import { Section, Table } from '../../parts/section';

export function Keys({ account, mine }: { account: Account; mine: boolean }) {
  return (
    <Section title="Session keys" foot={<Age asOf={account.as_of} />}>
      <p class="hint">A session key signs receipts for your account on another machine, so that your own key need not be there.</p>
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
      {mine && <Authorize />}
    </Section>
  );
}

function State({ row }: { row: SessionKey }) {
  if (row.state === 'active') return <span class="state good">active</span>;
  return <span class="state">revoked{row.revoked_from_epoch !== null && ` from epoch ${count(row.revoked_from_epoch)}`}</span>;
}

function Revoke({ row }: { row: SessionKey }) {
  const [sure, setSure] = useState(false);
  if (row.state !== 'active') return <>–</>;
  if (!sure) {
    return (
      <button type="button" class="quiet" aria-label={`Revoke ${row.key}…`} onClick={() => setSure(true)}>
        Revoke…
      </button>
    );
  }
  return (
    <Act
      label="Revoke for good"
      name={`Revoke ${row.key} for good`}
      quiet
      action={() => ({ action: 'revoke_session_key', key: row.key })}
      warning={<>It signs until this epoch ends and never again; it cannot be authorised a second time.</>}
    />
  );
}

function Authorize() {
  const [text, setText] = useState('');
  const [error, setError] = useState<string | null>(null);
  const action = (): Action | null => {
    const found = keyAndProof(text);
    setError(found ? null : 'Paste both: the key (0x and 40 digits) and its proof (0x and 130 digits).');
    return found && { action: 'authorize_session_key', ...found };
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
            Run <code>tatum session prove</code> where the key is, and paste what it prints.
          </>
        }
      />
      <Act label="Authorise key" action={action} onDone={() => setText('')} />
    </>
  );
}

/** The first address and the first signature in a text, whatever stands around them. */
export function keyAndProof(text: string): { key: string; proof: string } | null {
  const key = /0x[0-9a-fA-F]{40}(?![0-9a-fA-F])/.exec(text)?.[0];
  const proof = /0x[0-9a-fA-F]{130}(?![0-9a-fA-F])/.exec(text)?.[0];
  return key && proof ? { key, proof } : null;
}
