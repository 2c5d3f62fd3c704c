-- Carriers by month: size, reliability, punctuality and fleet.
SELECT date_trunc('month', f.flight_date)::DATE AS month,
       f.carrier,
       any_value(f.carrier_name) AS carrier_name,
       count(*) AS flights,
       count(*) FILTER (WHERE NOT f.cancelled) / count(*) AS completion_share,
       count(*) FILTER (WHERE f.arr_delay < 15) / nullif(count(f.arr_delay), 0) AS on_time_share,
       avg(f.dep_delay) AS avg_dep_delay,
       count(DISTINCT f.tailnum) AS planes,
       avg(p.seats) AS avg_seats
FROM clean.flights AS f
LEFT JOIN clean.planes AS p ON p.tailnum = f.tailnum
GROUP BY 1, 2
ORDER BY 1, 2
