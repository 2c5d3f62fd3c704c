-- The figure that reports used before on_time_daily: it counts cancelled flights as on time.
SELECT flight_date AS day,
       count(*) AS flights,
       count(*) FILTER (WHERE coalesce(arr_delay, 0) < 15) / count(*) AS on_time_share
FROM clean.flights
GROUP BY flight_date
ORDER BY flight_date
