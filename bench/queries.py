"""What DuckDB is asked to credit conversions by: the same answer, formulated in four ways."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Final

TOUCHES: Final[Mapping[str, tuple[str, int, int]]] = {
    "Opened Email": ("email", 2, 5),
    "Clicked Email": ("email", 3, 5),
    "Clicked SMS": ("sms", 3, 1),
    "Opened Push": ("push", 2, 1),
}
"""Metric → channel, rank of the kind among touches of one second, days of the window, as of 2022."""

WINDOWS: Final = {channel: days for channel, _, days in TOUCHES.values()}
LONGEST: Final = max(WINDOWS.values())
CONVERSION: Final = "Placed Order"
METRICS: Final = (*TOUCHES, CONVERSION)

# A touch is a STRUCT whose fields begin with its order, so that the greatest is the latest.

EVENTS: Final = """
CREATE VIEW events AS
SELECT event_id, profile_id, metric, value, message_id, epoch_us(occurred_at) // 1000000 AS tick,
  epoch_us(receipt_at) // 1000000 AS receipt
FROM read_parquet([$files]) WHERE metric IN ($metrics);
CREATE TEMP TABLE conversions AS
SELECT event_id AS conversion_id, profile_id, tick, coalesce(value, 0) AS value
FROM events WHERE metric = '$conversion';
CREATE TEMP TABLE touches AS
SELECT profile_id, channel, tick, closes_at,
  {'tick': tick, 'rank': rank, 'touch_id': event_id, 'message_id': message_id, 'closes_at': closes_at,
  'channel': channel} AS touch
FROM (
  SELECT *, CASE WHEN channel = 'push' THEN tick ELSE $start END + days * 86400 AS closes_at
  FROM events JOIN (VALUES $kinds) AS kinds (metric, channel, rank, days) USING (metric)
  $only
);
"""
ONLY: Final = "WHERE profile_id IN (SELECT profile_id FROM conversions)"
"""Only profiles with a conversion matter. Sessions do without: the package finds those of everybody."""

# The latest touch of each channel at each conversion, whether open or not, found by an ASOF join for each channel. Of
# the touches of one second only the latest may be there, or the join would take any.
BY_ASOF: Final = """
CREATE TABLE latest AS
SELECT c.*, email.touch AS email, sms.touch AS sms, push.touch AS push FROM conversions AS c
"""
ASOF: Final = """
ASOF LEFT JOIN (
  SELECT profile_id, tick, max(touch) AS touch FROM touches WHERE channel = '$channel' GROUP BY ALL
) AS $channel ON c.profile_id = $channel.profile_id AND c.tick >= $channel.tick
"""

# The same by one window function over touches and conversions; a conversion comes after the touches of its second.
BY_WINDOW: Final = """
CREATE TABLE latest AS
SELECT conversion_id, profile_id, tick, value, email, sms, push FROM (
  SELECT *, $latest FROM (
    SELECT profile_id, tick, touch.rank AS rank, touch.touch_id AS id, touch, NULL AS conversion_id, NULL AS value
    FROM touches
    UNION ALL SELECT profile_id, tick, 9, conversion_id, NULL, conversion_id, value FROM conversions
  ) WINDOW before AS (PARTITION BY profile_id ORDER BY tick, rank, id ROWS UNBOUNDED PRECEDING)
) WHERE conversion_id IS NOT NULL;
"""
LATEST: Final = "last_value(CASE WHEN touch.channel = '$channel' THEN touch END IGNORE NULLS) OVER before AS $channel"

# Where a channel's latest touch is closed but young, the latest of the older ones that is open, if any.
SECOND_LOOK: Final = """
CREATE TABLE missed AS
SELECT conversion_id, arg_max(t.touch, t.touch) FILTER (t.channel = 'email') AS email,
  arg_max(t.touch, t.touch) FILTER (t.channel = 'sms') AS sms
FROM (
  SELECT conversion_id, profile_id, tick, UNNEST([tick // $span, tick // $span - 1]) AS span, channel
  FROM (SELECT *, UNNEST(['email', 'sms']) AS channel FROM latest)
  WHERE CASE channel WHEN 'email' THEN email.closes_at < tick AND email.tick >= tick - $email
    ELSE sms.closes_at < tick AND sms.tick >= tick - $sms END
) AS c JOIN (SELECT *, tick // $span AS span FROM touches) AS t
  ON c.profile_id = t.profile_id AND c.channel = t.channel AND c.span = t.span AND c.tick BETWEEN t.tick AND t.closes_at
GROUP BY conversion_id;
"""
SETTLED: Final = """
SELECT l.*, coalesce(CASE WHEN l.email.closes_at >= l.tick THEN l.email END, missed.email) AS open_email,
  coalesce(CASE WHEN l.sms.closes_at >= l.tick THEN l.sms END, missed.sms) AS open_sms,
  CASE WHEN l.push.closes_at >= l.tick THEN l.push END AS open_push
FROM latest AS l LEFT JOIN missed USING (conversion_id)
"""
SETTLED_AT_ONCE: Final = """
SELECT *, CASE WHEN email.closes_at >= tick THEN email END AS open_email,
  CASE WHEN sms.closes_at >= tick THEN sms END AS open_sms, CASE WHEN push.closes_at >= tick THEN push END AS open_push
FROM latest
"""

# Every pair of a conversion and a touch of its profile within the longest window; joined by spans of time, as a profile
# with many of both would have too many pairs.
BY_PAIRS: Final = """
CREATE TABLE winners AS
SELECT conversion_id, any_value(c.value) AS value, max(touch).channel AS last_channel, max(open_one) AS cooperative,
  max(open_one) FILTER (channel = 'email') AS open_email, max(open_one) FILTER (channel = 'sms') AS open_sms,
  max(open_one) FILTER (channel = 'push') AS open_push
FROM (
  SELECT c.conversion_id, c.value, t.channel, t.touch, CASE WHEN t.closes_at >= c.tick THEN t.touch END AS open_one
  FROM (SELECT *, UNNEST([tick // $span, tick // $span - 1]) AS span FROM conversions) AS c
  LEFT JOIN (SELECT *, tick // $span AS span FROM touches) AS t
    ON c.profile_id = t.profile_id AND c.span = t.span AND c.tick BETWEEN t.tick AND t.tick + $span
) AS c GROUP BY conversion_id;
"""
WINNERS: Final = """
CREATE TABLE winners AS
SELECT conversion_id, value, greatest(email, sms, push).channel AS last_channel,
  greatest(open_email, open_sms, open_push) AS cooperative, open_email, open_sms, open_push
FROM ($settled);
"""
OUT: Final = """
COPY (
  SELECT model, conversion_id, value, touch.touch_id AS touch_id, touch.message_id AS message_id FROM (
    SELECT 'cooperative' AS model, conversion_id, value, cooperative AS touch FROM winners
    UNION ALL SELECT 'old', conversion_id, value,
      CASE last_channel WHEN 'email' THEN open_email WHEN 'sms' THEN open_sms ELSE open_push END FROM winners
  )
) TO '$out' (FORMAT parquet, COMPRESSION zstd);
"""

# In the manner of dbt_klaviyo: a touch begins a session, which holds all that follows it; what converts in a session
# is credited to its touch if that is not too long ago. One session at a time is the old model's rule.
SESSIONS_OLD: Final = """
COPY (
  SELECT 'old' AS model, conversion_id, value, CASE WHEN is_open THEN touch_id END AS touch_id,
    CASE WHEN is_open THEN message_id END AS message_id
  FROM (
    SELECT conversion_id, value, first.touch_id AS touch_id, first.message_id AS message_id,
      first.closes_at >= tick AS is_open
    FROM (
      SELECT *, first_value(touch) OVER (PARTITION BY profile_id, session ORDER BY tick, rank, id) AS first FROM (
        SELECT *, sum((touch IS NOT NULL)::INT) OVER (
          PARTITION BY profile_id ORDER BY tick, rank, id ROWS UNBOUNDED PRECEDING) AS session
        FROM stream
      )
    ) WHERE conversion_id IS NOT NULL
  )
) TO '$out' (FORMAT parquet, COMPRESSION zstd);
"""
# The cooperative model in the same manner: each channel has sessions of its own; the latest open one is credited.
SESSIONS: Final = """
COPY (
  SELECT 'cooperative' AS model, conversion_id, value, touch.touch_id AS touch_id, touch.message_id AS message_id FROM (
    SELECT conversion_id, value, greatest($opened) AS touch FROM (
      SELECT *, $firsts FROM (SELECT *, $sessions FROM stream)
    ) WHERE conversion_id IS NOT NULL
  )
) TO '$out' (FORMAT parquet, COMPRESSION zstd);
"""
STREAM: Final = """
CREATE VIEW stream AS
SELECT profile_id, tick, touch.rank AS rank, touch.touch_id AS id, touch, NULL AS conversion_id, NULL AS value
FROM touches
UNION ALL SELECT profile_id, tick, 9, conversion_id, NULL, conversion_id, value FROM conversions;
"""
SESSION: Final = (
    "sum((touch IS NOT NULL AND touch.channel = '$channel')::INT) OVER ("
    "PARTITION BY profile_id ORDER BY tick, rank, id ROWS UNBOUNDED PRECEDING) AS session_$channel"
)
FIRST: Final = (
    "first_value(CASE WHEN touch.channel = '$channel' THEN touch END) OVER ("
    "PARTITION BY profile_id, session_$channel ORDER BY tick, rank, id) AS first_$channel"
)
OPENED: Final = "CASE WHEN first_$channel.closes_at >= tick THEN first_$channel END"


def write_query(name: str, *, files: Sequence[Path], anchor: str, out: Path) -> str:
    """Say the whole of it: the events as touches and conversions, and what is asked of them."""
    kinds = (f"('{metric}', '{channel}', {rank}, {days})" for metric, (channel, rank, days) in TOUCHES.items())
    return Template(EVENTS + QUERIES[name](anchor)).substitute(
        only="" if name.startswith("session") else ONLY,
        files=", ".join(f"'{path}'" for path in files),
        metrics=", ".join(f"'{name}'" for name in METRICS),
        kinds=", ".join(kinds),
        start="tick" if anchor == "touched" else "least(coalesce(receipt, tick), tick)",
        conversion=CONVERSION,
        span=LONGEST * 86_400,
        email=WINDOWS["email"] * 86_400,
        sms=WINDOWS["sms"] * 86_400,
        out=out,
    )


def join_asof(anchor: str) -> str:
    """Join the latest touch of each channel to each conversion."""
    return f"{BY_ASOF}{for_each(ASOF, '')};{settle(anchor)}"


def look_back(anchor: str) -> str:
    """Look back over touches and conversions in the order of time."""
    return BY_WINDOW.replace("$latest", for_each(LATEST, ", ")) + settle(anchor)


def join_pairs(_anchor: str) -> str:
    """Join every pair of a touch and a conversion that may matter."""
    return BY_PAIRS + OUT


def follow_session(_anchor: str) -> str:
    """Follow sessions as dbt_klaviyo has them: the old model."""
    return STREAM + SESSIONS_OLD


def follow_sessions(_anchor: str) -> str:
    """Follow the sessions of each channel: the cooperative model."""
    query = SESSIONS.replace("$opened", for_each(OPENED, ", "))
    return STREAM + query.replace("$firsts", for_each(FIRST, ", ")).replace("$sessions", for_each(SESSION, ", "))


def for_each(text: str, between: str) -> str:
    """Write a piece of SQL once for each channel."""
    return between.join(text.replace("$channel", channel) for channel in WINDOWS)


def settle(anchor: str) -> str:
    """Find the open touches of each channel from its latest ones, and the winners from those."""
    if anchor == "touched":
        return WINNERS.replace("$settled", SETTLED_AT_ONCE) + OUT
    return SECOND_LOOK + WINNERS.replace("$settled", SETTLED) + OUT


QUERIES: Final = {
    "duckdb-asof": join_asof,
    "duckdb-window": look_back,
    "duckdb-pairs": join_pairs,
    "session-old": follow_session,
    "session-cooperative": follow_sessions,
}
