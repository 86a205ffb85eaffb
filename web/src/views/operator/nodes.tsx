/** An operator's nodes. */
import { useState } from 'preact/hooks';
import type { Action, Hex, OneOperator } from '../../api/types';
import { Act } from '../../parts/act';
import { Field } from '../../parts/field';
import { Age, Hash } from '../../parts/figures';
import { Section, Table } from '../../parts/section';

export function Nodes({ data, mine }: { data: OneOperator; mine: boolean }) {
  const { id } = data.operator;
  return (
    <Section title="Nodes" foot={<Age asOf={data.as_of} />}>
      <Table
        caption="Nodes of this operator"
        rows={data.nodes}
        empty="It has no node, so nothing that it delivers is paid."
        columns={[
          { name: 'Node', cell: (node) => <Hash hex={node} /> },
          ...(mine ? [{ name: 'Change', cell: (node: Hex) => <Remove operator={id} node={node} /> }] : []),
        ]}
      />
      {mine && data.operator.exit_epoch === null && <Add operator={id} />}
    </Section>
  );
}

function Remove({ operator, node }: { operator: number; node: Hex }) {
  return <Act label="Remove" name={`Remove node ${node}`} quiet action={() => ({ action: 'remove_node', operator, node })} />;
}

function Add({ operator }: { operator: number }) {
  const [node, setNode] = useState('');
  const [error, setError] = useState<string | null>(null);
  const action = (): Action | null => {
    const right = /^0x[0-9a-fA-F]{64}$/.test(node.trim());
    setError(right ? null : 'A node is 0x and 64 hexadecimal digits.');
    return right ? { action: 'add_node', operator, node: node.trim() } : null;
  };
  return (
    <>
      <Field
        label="Add a node"
        value={node}
        onValue={(value) => (setError(null), setNode(value))}
        error={error}
        hint={
          <>
            Its public key: <code>tatum key show</code> prints it.
          </>
        }
      />
      <Act label="Add node" action={action} onDone={() => setNode('')} />
    </>
  );
}
