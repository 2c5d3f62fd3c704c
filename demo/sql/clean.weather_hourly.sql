-- Weather in metric units. Wind beyond any hurricane is an error of the source and left out.
SELECT origin,
       time_hour,
       round((temp - 32) / 1.8, 1) AS temp_c,
       round((dewp - 32) / 1.8, 1) AS dew_point_c,
       humid AS humidity,
       wind_dir,
       CASE WHEN wind_speed < 200 THEN round(wind_speed * 1.609344, 1) END AS wind_kmh,
       CASE WHEN wind_gust < 250 THEN round(wind_gust * 1.609344, 1) END AS gust_kmh,
       round(precip * 25.4, 2) AS precip_mm,
       pressure AS pressure_hpa,
       round(visib * 1.609344, 1) AS visibility_km
FROM raw.weather
ORDER BY time_hour, origin
