-- Every route over the whole year.
SELECT origin,
       dest,
       any_value(dest_name) AS dest_name,
       count(*) AS flights,
       count(DISTINCT carrier) AS carriers,
       count(*) FILTER (WHERE cancelled) / count(*) AS cancelled_share,
       avg(arr_delay) AS avg_delay,
       quantile_cont(arr_delay, 0.9) AS p90_arr_delay,
       avg(air_time) AS avg_air_time,
       any_value(distance) AS distance
FROM clean.flights
GROUP BY origin, dest
ORDER BY origin, dest
