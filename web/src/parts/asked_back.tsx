/** What was asked back of a pool or a vault, and asking for more of it. */
import type { ComponentChildren } from 'preact';
import type { Made } from '../actions/made';
import { count, parsePositiveData, shortData, type Parsed } from '../amounts';
import type { Action } from '../api/types';
import { Act } from './act';
import { Field } from './field';
import { Data } from './figures';
import { Section, Table, type Column } from './section';
import { useTyped } from './typed';

/** What was asked back in one epoch. */
interface Request {
  requested: number;
  worth_wei: string;
  redeemable_from: number;
  redeemable: boolean;
}

interface AskedBackProps<Row> {
  rows: Row[];
  /** Columns before the last. */
  more?: Column<Row>[];
  redeem: (requested: number) => Action;
  /** What one that cannot be redeemed does. */
  waits: (row: Row) => string;
}

export function AskedBack<Row extends Request>({ rows, more = [], redeem, waits }: AskedBackProps<Row>) {
  const redeemed = ({ requested }: Row) => (
    <Act label="Redeem" name={`Redeem what was asked in epoch ${requested}`} action={() => redeem(requested)} />
  );
  return (
    <Table
      caption="What was asked back"
      rows={rows}
      empty="Nothing was asked back that is not redeemed."
      columns={[
        { name: 'Asked in epoch', cell: (row) => count(row.requested), numeric: true },
        { name: 'Worth', cell: (row) => <Data wei={row.worth_wei} />, numeric: true },
        { name: 'From epoch', cell: (row) => count(row.redeemable_from), numeric: true },
        ...more,
        { name: 'Redeem', cell: (row) => (row.redeemable ? redeemed(row) : waits(row)) },
      ]}
    />
  );
}

interface AskBackProps {
  /** What asking means. */
  children: ComponentChildren;
  worth_wei: string;
  some: (amount: Parsed) => Made;
  all: Action;
}

export function AskBack({ children, worth_wei, some, all }: AskBackProps) {
  const { field, act } = useTyped((text) => some(parsePositiveData(text)));
  return (
    <Section title="Ask back">
      <p class="notice warn">{children}</p>
      <Field
        label="Amount to ask back"
        unit="DATA"
        mode="decimal"
        {...field}
        hint={`Your part is worth ${shortData(BigInt(worth_wei))} DATA.`}
      />
      <div class="buttons">
        <Act label="Ask back" {...act} />
        <Act label="Ask all back" quiet action={() => all} />
      </div>
    </Section>
  );
}
