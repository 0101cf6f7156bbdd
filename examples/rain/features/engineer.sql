-- Feature engineering: what is known of a city's weather in the evening of each day.
--
-- event_time is 23:59 of the day: its sums are complete only then, and an earlier hour would let rain that has not yet
-- fallen into the features. Days are the station's own, as in the source.
--
-- No window sees a later row: each ends at its own day. Windows count days rather than rows, and take means rather than
-- sums, so that a missing day, or the beginning of a city's history, does not look like a dry spell.
SELECT
  city,
  day + TIME '23:59'                                       AS event_time,

  -- Rain: of today, and how wet the last days were.
  precipitation,                                                                  -- mm
  ln(1 + precipitation)                                    AS precipitation_log,  -- a storm is not 50 drizzles
  avg(precipitation) OVER last_3_days                      AS precipitation_3d,   -- mm a day
  avg(precipitation) OVER last_7_days                      AS precipitation_7d,
  CAST(precipitation > 0 AS DOUBLE)                        AS rained,             -- 0 or 1
  avg(CAST(precipitation > 0 AS DOUBLE)) OVER last_3_days  AS rained_3d,          -- share of the days, 0 to 1
  avg(CAST(precipitation > 0 AS DOUBLE)) OVER last_7_days  AS rained_7d,
  avg(CAST(precipitation > 0 AS DOUBLE)) OVER last_14_days AS rained_14d,

  -- Temperature in °C: clouds make cool days and mild nights, and a front is a sudden change.
  temp_max,
  temp_min,
  temp_max - temp_min                                      AS temp_range,
  temp_max - avg(temp_max) OVER last_3_days                AS temp_max_change_3d,
  temp_min - avg(temp_min) OVER last_7_days                AS temp_min_change_7d,
  avg(temp_max) OVER last_7_days                           AS temp_max_7d,

  -- Wind in m/s.
  wind,
  avg(wind) OVER last_3_days                               AS wind_3d,

  -- Season: a point on a circle, so that 31 December lies next to 1 January.
  sin(2 * pi() * dayofyear(day) / 365.25)                  AS season_sin,
  cos(2 * pi() * dayofyear(day) / 365.25)                  AS season_cos
FROM transformed
WINDOW
  last_3_days  AS (PARTITION BY city ORDER BY day RANGE BETWEEN INTERVAL 2 DAYS PRECEDING AND CURRENT ROW),
  last_7_days  AS (PARTITION BY city ORDER BY day RANGE BETWEEN INTERVAL 6 DAYS PRECEDING AND CURRENT ROW),
  last_14_days AS (PARTITION BY city ORDER BY day RANGE BETWEEN INTERVAL 13 DAYS PRECEDING AND CURRENT ROW)
