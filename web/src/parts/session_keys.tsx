/** The keys that sign for a payer: which may, letting one, and no longer letting it. */
import { count } from '../amounts';
import type { Action, Hex, SessionKey } from '../api/types';
import { Act } from './act';
import { Field } from './field';
import { Hash } from './figures';
import { keyAndProof } from './key_and_proof';
import { Table } from './section';
import { useTyped } from './typed';

/** What whoever may change the keys has done. */
export interface KeyActions {
  authorize: (key: string, proof: string) => Action;
  revoke: (key: Hex) => Action;
}

interface SessionKeysProps {
  caption: string;
  keys: SessionKey[];
  payer: Hex;
  /** What the payer is called. */
  whose: string;
  /** Null where somebody looks who may not. */
  actions: KeyActions | null;
}

export function SessionKeys({ caption, keys, payer, whose, actions }: SessionKeysProps) {
  return (
    <>
      <Table
        caption={caption}
        rows={keys}
        empty="No key is authorised."
        columns={[
          { name: 'Key', cell: (row) => <Hash hex={row.key} /> },
          { name: 'State', cell: (row) => <State row={row} /> },
          ...(actions ? [{ name: 'Change', cell: (row: SessionKey) => <Revoke row={row} actions={actions} /> }] : []),
        ]}
      />
      {actions && <Authorize payer={payer} whose={whose} actions={actions} />}
    </>
  );
}

function State({ row }: { row: SessionKey }) {
  if (row.state === 'active') return <span class="state good">active</span>;
  return <span class="state">revoked{row.last_epoch !== null && `, signs up to epoch ${count(row.last_epoch)}`}</span>;
}

function Revoke({ row, actions }: { row: SessionKey; actions: KeyActions }) {
  if (row.state !== 'active') return <>–</>;
  return <Act label="Revoke…" name={`Revoke ${row.key}…`} quiet action={() => actions.revoke(row.key)} />;
}

function Authorize({ payer, whose, actions }: { payer: Hex; whose: string; actions: KeyActions }) {
  const { field, act } = useTyped((text) => {
    const found = keyAndProof(text, payer, whose);
    if (typeof found === 'string') return { action: null, why: found };
    return { action: actions.authorize(found.key, found.proof), why: null };
  });
  return (
    <>
      <Field
        label="Key and proof"
        lines={3}
        {...field}
        hint={
          <>
            Run <code>tatum session prove --payer {payer}</code> where the key is, and paste all that it prints.
          </>
        }
      />
      <Act label="Authorise key" {...act} />
    </>
  );
}
