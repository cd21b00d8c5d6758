"""Prints what other programs see of the table in a folder: rows, the sum of offsets, customers, rows without a text."""

import json
import os
import sys

import duckdb
from deltalake import DeltaTable

table = DeltaTable(sys.argv[1])
data = table.to_pyarrow_table()
files = ", ".join("'" + uri + "'" for uri in table.file_uris())
columns = (
    "count(*), sum(k_offset)::bigint, count(distinct customer_id), count(*) filter (value is null), "
    "min(timezone('UTC', k_timestamp))::varchar"
)
seen = duckdb.sql(f"select {columns} from read_parquet([{files}], hive_partitioning = true)").fetchall()[0]
first = data.sort_by([("k_partition", "ascending"), ("k_offset", "ascending")])
print(
    json.dumps(
        {
            "version": table.version(),
            "rows": data.num_rows,
            "files": len(table.file_uris()),
            "duckdb": [str(part) for part in seen],
            "pruned": table.to_pyarrow_table(filters=[("k_partition", "=", 1)]).num_rows,
            "next": table.transaction_version("tocsin/events/0"),
            "days": sorted({str(day) for day in data["ingest_day"].to_pylist()}),
            "value": first["value"][0].as_py(),
        }
    ),
    flush=True,
)
# All is said. The libraries' threads, which the interpreter does not know of, now and then abort it while it tidies up.
os._exit(0)
