"""An epoch worked out again from its dataset, by the pages and nothing else: docs/receipts.md, docs/dataset.md, docs/architecture.md (sum tree)."""
import json
import sys
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from coincurve import PublicKey
from Crypto.Hash import keccak

N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
FORCED = 2**32 - 1
RECEIPT_TYPE = (
    b"DeliveryReceipt(address payer,uint32 operatorId,bytes32 node,bytes32 streamKey,uint8 role,uint32 reader,uint64 epoch,uint64 sequence,"
    b"uint64 messages,uint64 bytes,uint64 bytesOnTime,bytes32 contents,bytes32 channel,uint128 owed)"
)
DOMAIN_TYPE = b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
# Columns in order: bytes of a width, "int", or "decimal".
TABLES = {
    "receipts.parquet": {
        "payer": 20, "operator_id": "int", "node": 32, "stream_key": 32, "role": "int", "reader": "int", "epoch": "int", "sequence": "int",
        "messages": "int", "bytes": "int", "bytes_on_time": "int", "contents": 32, "channel": 32, "owed": 16, "signature": 65, "source": "int",
    },
    "payers.parquet": {"payer": 20, "fee_wei": "decimal", "quota_bytes": 32},
    "operators.parquet": {"operator_id": "int", "payout": 20, "bond_wei": "decimal", "capacity_bytes": "int"},
    "distribution.parquet": {
        "operator_id": "int", "payout": 20, "work_nano": "int", "paid_nano": "int", "pool_nano": "int", "cumulative_nano": "int",
    },
    "heads.parquet": {
        "receipt": "int", "publisher": 20, "chain": 8, "number": "int", "id": 32, "span": "int", "held": "int", "due": "int", "brought": "int",
    },
}


def hashed(*parts):
    state = keccak.new(digest_bits=256)
    for part in parts:
        state.update(part)
    return state.digest()


def be(number, width):
    return number.to_bytes(width, "big")


def hexed(data):
    return "0x" + data.hex()


def raw(text):
    return bytes.fromhex(text.removeprefix("0x"))


# Receipts: docs/receipts.md.

FIELDS = [
    ("payer", 20), ("operator_id", 4), ("node", 32), ("stream_key", 32), ("role", 1), ("reader", 4), ("epoch", 8), ("sequence", 8), ("messages", 8),
    ("bytes", 8), ("bytes_on_time", 8), ("contents", 32), ("channel", 32), ("owed", 16),
]


def field(row, name, width):
    return row[name] if isinstance(row[name], bytes) else be(row[name], width)


def encoded(row):
    return b"".join(field(row, name, width) for name, width in FIELDS)


def key(row):
    return encoded(row)[:93]


def separator(parameters):
    return hashed(
        hashed(DOMAIN_TYPE), hashed(b"Tatum"), hashed(b"1"), be(parameters["chain_id"], 32), raw(parameters["stake_pool"]).rjust(32, b"\0")
    )


def signer(row, domain):
    words = (
        field(row, name, width).rjust(32, b"\0") if name not in ("node", "stream_key", "contents", "channel") else row[name] for name, width in FIELDS
    )
    digest = hashed(b"\x19\x01", domain, hashed(hashed(RECEIPT_TYPE), *words))
    signature = row["signature"]
    r, s, v = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big"), signature[64]
    assert v in (27, 28) and 0 < r < N and 0 < s <= N // 2, "the signature is not canonical"
    public = PublicKey.from_signature_and_message(signature[:64] + bytes([v - 27]), digest, hasher=None)
    return hashed(public.format(compressed=False)[1:])[12:]


def check(row, parameters, payers, operators):
    """The rules that the dataset alone can tell; whose a node is and who may sign for a payer is asked of the chain."""
    assert 1 <= row["messages"] < 2**63 and row["bytes_on_time"] <= row["bytes"] <= 2**40 and row["sequence"] < 2**63
    assert row["role"] <= 2 and row["channel"] == bytes(32) and row["owed"] == bytes(16) and row["epoch"] == parameters["epoch"]
    assert row["operator_id"] < len(operators), "unknown operator"
    fee_nano, quota = payers[row["payer"]]
    assert fee_nano >= 1 and quota >= 1, "no stake"
    assert row["bytes_on_time"] <= quota + quota // 20 + min(64 << 20, quota // 20), "over quota"
    signer(row, separator(parameters))


# Lists and tree: docs/dataset.md and docs/architecture.md.


def listed(leaves):
    level = [hashed(leaf) for leaf in leaves]
    while len(level) > 1:
        pairs = [hashed(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = pairs + level[len(pairs) * 2 :]
    return {"top": hexed(level[0] if level else bytes(32)), "count": len(leaves)}


def tree(entries):
    depth = max(len(entries) - 1, 0).bit_length()
    words = [hashed(entry)[:24] + entry[24:] for entry in entries]
    words += [bytes(32)] * (2**depth - len(words))
    while len(words) > 1:
        words = [
            hashed(left, right)[:24] + be(int.from_bytes(left[24:], "big") + int.from_bytes(right[24:], "big"), 8)
            for left, right in zip(words[::2], words[1::2])
        ]
    top = words[0]
    return {"root": hexed(hashed(top, bytes([depth]))[:24] + top[24:]), "depth": depth, "entries_top": hexed(top)}


def receipt_lines(receipts):
    """The lines, and the units by payer and operator."""
    lines, edges, payers = [], {}, {}
    for row in receipts:
        edge = (row["payer"], row["operator_id"])
        edges[edge] = edges.get(edge, 0) + row["bytes_on_time"]
        payers[row["payer"]] = payers.get(row["payer"], 0) + row["bytes_on_time"]
        line = encoded(row) + row["signature"] + be(edges[edge], 16) + be(payers[row["payer"]], 16) + be(row["source"], 4)
        assert len(line) == 314
        lines.append(line)
    return lines, edges, payers


def edge_lines(edges, units, payers, parameters):
    lines, works, total = [], {}, 0
    for operator, payer in sorted((operator, payer) for payer, operator in edges):
        fee, own = payers[payer][0], edges[payer, operator]
        steered = fee - fee * parameters["pool_bps"] // 10_000
        nano = steered * own // units[payer] if units[payer] else 0
        works[operator] = works.get(operator, 0) + nano
        total += nano
        line = be(operator, 4) + payer + be(own, 16) + be(units[payer], 16) + be(nano, 8) + be(works[operator], 8) + be(total, 8)
        assert len(line) == 80
        lines.append(line)
    return lines, works


def pay(operators, works, before, parameters):
    pot, available = int(parameters["pot_nano"]), int(parameters["available_nano"])
    bonds, capacities = (sum(int(row[name]) for row in operators) for name in ("bond_wei", "capacity_bytes"))
    common, limit = available - sum(works.values()), parameters["pool_limit_bps"]
    assert common >= 0, "work is more than what is available"
    rows = []
    for row in operators:
        identity, work = row["operator_id"], works.get(row["operator_id"], 0)
        cap = pot * row["capacity_bytes"] // capacities if capacities else 0
        full = min(work, cap)
        paid = full + min(work - full, 2 * cap) // 2
        pool = common * int(row["bond_wei"]) // bonds if bonds else 0
        pool = min(pool, paid * limit // 10_000) if limit else pool
        cumulative = before.get(identity, 0) + paid + pool
        rows.append(
            {"operator_id": identity, "payout": row["payout"], "work_nano": work, "paid_nano": paid, "pool_nano": pool, "cumulative_nano": cumulative}
        )
    return rows


def worked_out(tables, parameters):
    """What the epoch comes to, from receipts, payers, operators and what the distribution says of earlier ones."""
    receipts, payers, operators, distribution, _heads = (tables[name] for name in TABLES)
    facts = {row["payer"]: (int(row["fee_wei"]) // 10**9, int.from_bytes(row["quota_bytes"], "big")) for row in payers}
    assert [row["payer"] for row in payers] == sorted(facts), "payers out of order"
    assert [row["operator_id"] for row in operators] == list(range(len(operators))), "operators leave out an id"
    keys = [key(row) for row in receipts]
    assert keys == sorted(set(keys)), "receipts out of order"
    for row in receipts:
        check(row, parameters, facts, operators)
    before = {row["operator_id"]: row["cumulative_nano"] - row["paid_nano"] - row["pool_nano"] for row in distribution}
    lines, edges, units = receipt_lines(receipts)
    of_edges, works = edge_lines(edges, units, facts, parameters)
    rows = pay(operators, works, before, parameters)
    total, added = (sum(row["cumulative_nano"] for row in rows), sum(row["paid_nano"] + row["pool_nano"] for row in rows))
    entries = [be(row["operator_id"], 4) + row["payout"] + be(row["cumulative_nano"], 8) for row in rows]
    results = tree(entries) | {"receipts": listed(lines), "edges": listed(of_edges), "work_nano": str(sum(works.values()))}
    results |= {"total_nano": str(total), "distributed_nano": str(added), "carried_nano": str(int(parameters["available_nano"]) - added)}
    return rows, results


# Folder and manifest: docs/dataset.md.


def spelled(manifest):
    return (json.dumps(manifest, indent=2, ensure_ascii=False) + "\n").encode()


def read(folder):
    manifest_bytes = (folder / "manifest.json").read_bytes()
    manifest = json.loads(manifest_bytes)
    assert spelled(manifest) == manifest_bytes, "the manifest has another spelling"
    assert folder.name == hexed(hashed(manifest_bytes)), "the folder is named otherwise"
    tables = {}
    for entry, (name, columns) in zip(manifest["files"], TABLES.items(), strict=True):
        data = (folder / name).read_bytes()
        assert entry["name"] == name and entry["keccak256"] == hexed(hashed(data)) and entry["size_bytes"] == len(data)
        table = pq.read_table(folder / name)
        assert table.column_names == list(columns) and table.num_rows == entry["rows"]
        tables[name] = table.to_pylist()
    return manifest, tables


def arrow(columns, rows):
    kinds = {"int": pa.int64(), "decimal": pa.decimal128(38, 0)}
    schema = pa.schema([(name, kinds.get(kind) or pa.binary(kind)) for name, kind in columns.items()])
    return pa.Table.from_pylist(rows, schema=schema)


def write_table(path, columns, rows, library):
    table = arrow(columns, rows)
    if library == "pyarrow":
        pq.write_table(table, path, compression="zstd")
    else:
        connection = duckdb.connect()
        connection.register("rows", table)
        connection.execute(f"COPY (SELECT * FROM rows) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")


def write(manifest, tables, parent, library):
    rows, results = worked_out(tables, manifest["parameters"])
    folder = parent / "being-written"
    folder.mkdir(parents=True)
    files = []
    for name, columns in TABLES.items():
        of_table = rows if name == "distribution.parquet" else tables[name]
        write_table(folder / name, columns, of_table, library)
        data = (folder / name).read_bytes()
        files.append({"name": name, "keccak256": hexed(hashed(data)), "size_bytes": len(data), "rows": len(of_table)})
    order = ["root", "depth", "entries_top", "receipts", "edges", "work_nano", "total_nano", "distributed_nano", "carried_nano"]
    ours = {
        "version": 2, "parameters": manifest["parameters"], "files": files, "results": {name: results[name] for name in order},
    }
    (folder / "manifest.json").write_bytes(spelled(ours))
    return folder.rename(parent / hexed(hashed(spelled(ours))))


def main(command, folder, *rest):
    manifest, tables = read(Path(folder))
    if command == "write":
        print(write(manifest, tables, Path(rest[0]), rest[1]))
        return 0
    rows, results = worked_out(tables, manifest["parameters"])
    stated = tables["distribution.parquet"]
    print(json.dumps({"results": results, "payouts": {row["operator_id"]: row["cumulative_nano"] for row in rows}}, indent=2))
    return 0 if rows == stated and results == manifest["results"] else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
