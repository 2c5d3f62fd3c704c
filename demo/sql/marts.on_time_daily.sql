-- Punctuality by day, airport of departure and carrier. A flight is on time when it arrives less than 15 minutes late.
SELECT flight_date,
       origin,
       carrier,
       count(*) AS flights,
       count(*) FILTER (WHERE cancelled) AS cancelled,
       count(*) FILTER (WHERE status = 'flown') AS flown,
       count(*) FILTER (WHERE status = 'flown' AND arr_delay < 15) AS on_time,
       count(*) FILTER (WHERE status = 'flown' AND arr_delay < 15) / nullif(count(*) FILTER (WHERE status = 'flown'), 0) AS on_time_share,
       avg(arr_delay) AS avg_arr_delay
FROM clean.flights
GROUP BY flight_date, origin, carrier
ORDER BY flight_date, origin, carrier
