-- How departures went in the weather of their scheduled hour. The worst condition of the hour counts.
SELECT CASE WHEN w.origin IS NULL THEN 'unknown'
            WHEN w.visibility_km < 3 THEN 'low visibility'
            WHEN w.precip_mm > 0 THEN 'rain or snow'
            WHEN w.wind_kmh >= 40 THEN 'strong wind'
            ELSE 'fair' END AS condition,
       f.origin,
       count(*) AS flights,
       count(*) FILTER (WHERE f.cancelled) / count(*) AS cancelled_share,
       avg(f.dep_delay) AS avg_dep_delay,
       count(*) FILTER (WHERE f.dep_delay >= 15) / nullif(count(f.dep_delay), 0) AS late_share
FROM clean.flights AS f
LEFT JOIN clean.weather_hourly AS w ON w.origin = f.origin AND w.time_hour = f.time_hour
GROUP BY 1, 2
ORDER BY 1, 2
