-- Transformation and cleaning: one typed row for each city and day.
-- `source` is the raw dataset version, as it came: NOAA's daily summaries in mm, °C and m/s.
-- What cannot be read or cannot be true is left out; whether too much was left out is for data validation to judge.
WITH typed AS (
  SELECT
    trim(location)                    AS city,
    TRY_CAST(date AS DATE)            AS day,
    TRY_CAST(precipitation AS DOUBLE) AS precipitation, -- mm, the sum of the day
    TRY_CAST(temp_max AS DOUBLE)      AS temp_max,      -- °C
    TRY_CAST(temp_min AS DOUBLE)      AS temp_min,      -- °C
    TRY_CAST(wind AS DOUBLE)          AS wind           -- m/s, the mean of the day
  FROM source
)
SELECT city, day, precipitation, temp_max, temp_min, wind
FROM typed
WHERE city <> '' AND day IS NOT NULL AND precipitation >= 0 AND temp_min <= temp_max AND wind >= 0
-- A day that was reported twice counts once: the wetter report wins.
QUALIFY row_number() OVER (PARTITION BY city, day ORDER BY precipitation DESC, temp_max, temp_min, wind) = 1
