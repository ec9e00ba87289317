"""What klavnb's load is measured against: `contestants.py NAME KIND SOURCE OUT`, each a process of its own."""

import sys
from pathlib import Path

THREADS = 2
KEYS = {
    "value": "$value",
    "currency": "$currency_code",
    "source_event_id": "$event_id",
    "order_id": "OrderId",
    "message_id": "$message",
    "flow_id": "$flow",
    "variation_id": "$variation",
    "transmission_id": "Transmission ID",
    "send_cohort": "$_cohort$message_send_cohort",
    "machine_open": "machine_open",
    "bot_click": "Bot Click",
    "campaign_name": "Campaign Name",
    "subject": "Subject",
    "attribution": "$attribution",
    "internal": "$internal",
}
"""Column → property: what a store of klavnb makes its columns of."""

COLUMNS = (
    "{'type': 'VARCHAR', 'id': 'VARCHAR', "
    "'attributes': 'STRUCT(timestamp BIGINT, datetime VARCHAR, event_properties JSON)', "
    "'relationships': 'STRUCT(profile STRUCT(data STRUCT(id VARCHAR)), metric STRUCT(data STRUCT(id VARCHAR)))'}"
)


def run_duckdb(query: str, out: str) -> None:
    """Write the answer of a query as Parquet."""
    import duckdb  # noqa: PLC0415 - each contestant loads what it needs

    connection = duckdb.connect()
    connection.execute(f"SET threads = {THREADS}")
    connection.execute("SET enable_progress_bar = false")
    connection.execute(f"COPY ({query}) TO '{out}' (FORMAT parquet, COMPRESSION zstd)")


def load_json(kind: str, source: str, out: str) -> None:
    """Let DuckDB read the lines; with the columns of a store, or ids, times and raw properties only."""
    lines = f"read_json('{source}', format = 'newline_delimited', columns = {COLUMNS})"
    events = (
        "SELECT id AS event_id, relationships.profile.data.id AS profile_id, "
        "relationships.metric.data.id AS metric_id, attributes.datetime::TIMESTAMPTZ AS occurred_at, "
        f"attributes.event_properties AS properties FROM {lines} WHERE type = 'event'"
    )
    if kind == "same-columns":
        paths = ", ".join(f"'$.\"{name}\"'" for name in KEYS.values())
        named = ", ".join(f"found[{place}] AS {column}" for place, column in enumerate(KEYS, start=1))
        inner = f"SELECT *, json_extract_string(properties, [{paths}]) AS found FROM ({events})"
        events = f"SELECT * EXCLUDE (found), {named} FROM ({inner})"
    run_duckdb(events, out)


def load_csv(_kind: str, source: str, out: str) -> None:
    """Let DuckDB read the table as text, as it stands, but for the times."""
    rows = f"SELECT * REPLACE (datetime::TIMESTAMPTZ AS datetime) FROM read_csv('{source}', all_varchar = true)"
    run_duckdb(rows, out)


def loop(_kind: str, source: str, out: str) -> None:
    """Decode line by line into lists, as a script would."""
    import orjson  # noqa: PLC0415 - each contestant loads what it needs
    import polars as pl  # noqa: PLC0415 - each contestant loads what it needs

    columns: dict[str, list[object]] = {
        name: [] for name in ("event_id", "profile_id", "metric_id", "occurred_at", "properties", *KEYS)
    }
    with Path(source).open("rb") as file:
        for line in file:
            event = orjson.loads(line)
            if event["type"] != "event":
                continue
            properties = event["attributes"]["event_properties"]
            columns["event_id"].append(event["id"])
            columns["profile_id"].append(event["relationships"]["profile"]["data"]["id"])
            columns["metric_id"].append(event["relationships"]["metric"]["data"]["id"])
            columns["occurred_at"].append(event["attributes"]["datetime"])
            columns["properties"].append(orjson.dumps(properties).decode())
            for name, key in KEYS.items():
                value = properties.get(key)
                columns[name].append(value if value is None or isinstance(value, str) else orjson.dumps(value).decode())
    frame = pl.DataFrame(columns, schema_overrides=dict.fromkeys(columns, pl.String))
    frame.with_columns(pl.col("occurred_at").str.to_datetime("%Y-%m-%dT%H:%M:%S%z")).write_parquet(out)


NAMES = {"duckdb-json": load_json, "duckdb-csv": load_csv, "orjson": loop}

if __name__ == "__main__":
    NAMES[sys.argv[1]](*sys.argv[2:])
