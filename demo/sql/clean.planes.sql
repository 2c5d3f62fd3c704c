-- Planes with one spelling for each manufacturer and the number of flights that each made from New York.
SELECT p.tailnum,
       p.year AS built_year,
       CASE WHEN p.manufacturer LIKE 'AIRBUS%' THEN 'Airbus'
            WHEN p.manufacturer LIKE 'BOEING%' THEN 'Boeing'
            WHEN p.manufacturer LIKE 'MCDONNELL%' OR p.manufacturer LIKE 'DOUGLAS%' THEN 'McDonnell Douglas'
            WHEN p.manufacturer LIKE 'BOMBARDIER%' OR p.manufacturer LIKE 'CANADAIR%' THEN 'Bombardier'
            WHEN p.manufacturer LIKE 'EMBRAER%' THEN 'Embraer'
            ELSE p.manufacturer END AS manufacturer,
       p.model,
       p.engines,
       p.seats,
       count(f.tailnum) AS flights
FROM raw.planes AS p
LEFT JOIN raw.flights AS f ON f.tailnum = p.tailnum AND f.dep_time IS NOT NULL
GROUP BY ALL
ORDER BY p.tailnum
