-- Weather and departures by day and airport. Days are those of UTC, as the weather's.
WITH weather AS (
    SELECT origin, (time_hour AT TIME ZONE 'UTC')::DATE AS day, avg(temp_c) AS avg_temp_c, max(wind_kmh) AS max_wind_kmh, sum(precip_mm) AS precip_mm,
           min(visibility_km) AS min_visibility_km
    FROM clean.weather_hourly
    GROUP BY 1, 2
), departures AS (
    SELECT origin, (time_hour AT TIME ZONE 'UTC')::DATE AS day, count(*) AS flights, count(*) FILTER (WHERE cancelled) AS cancelled,
           avg(dep_delay) AS avg_dep_delay
    FROM clean.flights
    GROUP BY 1, 2
)
SELECT departures.origin,
       departures.day,
       flights,
       cancelled,
       avg_dep_delay,
       avg_temp_c,
       max_wind_kmh,
       precip_mm,
       min_visibility_km
FROM departures
LEFT JOIN weather ON weather.origin = departures.origin AND weather.day = departures.day
ORDER BY departures.day, departures.origin
