-- Will it rain tomorrow? Each day's rain answers the question of the evening before: event_time is that evening (the
-- same instant as the features'), known_at the end of the rainy or dry day. The last day has no label: it is an answer.
WITH days AS (
  SELECT trim(location) AS city, TRY_CAST(date AS DATE) AS day, max(TRY_CAST(precipitation AS DOUBLE)) AS precipitation
  FROM source
  GROUP BY ALL
)
SELECT
  city,
  day - 1 + TIME '23:59'             AS event_time,
  CAST(precipitation > 0 AS INTEGER) AS label,
  day + TIME '23:59'                 AS known_at
FROM days
WHERE precipitation >= 0
-- Only where the evening before is in the data too.
QUALIFY lag(day) OVER (PARTITION BY city ORDER BY day) = day - 1
