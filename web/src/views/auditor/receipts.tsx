/** The counted receipts of an epoch. */
import { count, shortBytes } from '../../amounts';
import type { ReceiptPage } from '../../api/types';
import { useLoad } from '../../live';
import { Hash } from '../../parts/figures';
import { Heading, Section, Show, Table } from '../../parts/section';
import { ChangedOf } from './changed';

const PAGE = 25;
const ROLES = ['subscriber', 'publisher', 'storage'];

export function ReceiptsView({ epoch, offset }: { epoch: number; offset: number }) {
  const path = `/v1/epochs/${epoch}/receipts?offset=${offset}&limit=${PAGE}`;
  const page = useLoad<ReceiptPage>(path);
  return (
    <>
      <Heading title={`Receipts of epoch ${epoch}`} lead={<a href={`#/auditor/${epoch}`}>Epoch {count(epoch)}</a>}>
        Receipts of epoch {count(epoch)}
      </Heading>
      <Section title={`From ${count(offset + 1)} on`} foot={<ChangedOf epoch={epoch} />}>
        <Show loaded={page}>
          {({ receipts, next_offset }) => (
            <>
              <Table
                caption="Receipts"
                rows={receipts}
                empty="No receipts."
                columns={[
                  { name: 'Receipt', cell: (row) => <Hash hex={row.leaf} /> },
                  { name: 'Payer', cell: (row) => <Hash hex={row.receipt.payer} /> },
                  {
                    name: 'Operator',
                    cell: (row) => <a href={`#/operator/${row.receipt.operator_id}`}>{row.receipt.operator_id}</a>,
                    numeric: true,
                  },
                  { name: 'Role', cell: (row) => ROLES[Number(row.receipt.role)] ?? row.receipt.role },
                  { name: 'Messages', cell: (row) => count(row.receipt.messages), numeric: true },
                  { name: 'Bytes', cell: (row) => shortBytes(BigInt(row.receipt.bytes)), numeric: true },
                  { name: 'On time', cell: (row) => shortBytes(BigInt(row.receipt.bytes_on_time)), numeric: true },
                ]}
              />
              <p class="buttons">
                {offset > 0 && <a href={`#/auditor/${epoch}/receipts/${Math.max(0, offset - PAGE)}`}>Before</a>}
                {next_offset !== null && <a href={`#/auditor/${epoch}/receipts/${next_offset}`}>Next</a>}
                <a href={path}>As JSON, with signatures</a>
              </p>
            </>
          )}
        </Show>
      </Section>
    </>
  );
}
