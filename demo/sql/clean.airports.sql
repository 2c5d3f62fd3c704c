-- Airports with their place as a struct, and the carriers and routes that lead there from New York.
WITH route AS (
    SELECT dest, origin, count(*) AS flights
    FROM raw.flights
    GROUP BY dest, origin
), served AS (
    SELECT dest, list({'origin': origin, 'flights': flights} ORDER BY origin) AS routes
    FROM route
    GROUP BY dest
), flown AS (
    SELECT dest, list(DISTINCT carrier ORDER BY carrier) AS carriers
    FROM raw.flights
    GROUP BY dest
)
SELECT a.faa AS code,
       a.name,
       {'lat': a.lat, 'lon': a.lon, 'alt_m': round(a.alt * 0.3048::DOUBLE, 1)} AS location,
       a.tzone AS time_zone,
       flown.carriers,
       served.routes
FROM raw.airports AS a
LEFT JOIN flown ON flown.dest = a.faa
LEFT JOIN served ON served.dest = a.faa
ORDER BY a.faa
