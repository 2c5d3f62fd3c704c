-- One row for each scheduled flight, with names in place of codes and the reason why it has no times, if it has none.
SELECT make_date(f.year, f.month, f.day) AS flight_date,
       f.carrier,
       a.name AS carrier_name,
       f.flight,
       f.tailnum,
       f.origin,
       f.dest,
       d.name AS dest_name,
       make_timestamp(f.year, f.month, f.day, f.hour, f.minute, 0.0) AS scheduled_departure,
       f.dep_delay,
       f.arr_delay,
       f.dep_time IS NULL AS cancelled,
       CASE WHEN f.dep_time IS NULL THEN 'cancelled' WHEN f.arr_delay IS NULL THEN 'diverted or unknown' ELSE 'flown' END AS status,
       f.air_time,
       f.distance,
       f.time_hour
FROM raw.flights AS f
JOIN raw.airlines AS a ON a.carrier = f.carrier
LEFT JOIN raw.airports AS d ON d.faa = f.dest
ORDER BY f.time_hour, f.origin, f.carrier, f.flight
