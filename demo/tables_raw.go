package demo

// What the columns that several tables share mean.
const (
	docCarrier  = "Two-letter code of the airline; see raw.airlines."
	docTailnum  = "Tail number of the plane; see raw.planes."
	docOrigin   = "Airport of departure: EWR, JFK or LGA."
	docDest     = "Airport of arrival, FAA code; see raw.airports."
	docTimeHour = "Start of the hour, in UTC. The offset from local time is that of the original day in 2013."
)

// rawTables are the source files as they are, dates moved.
var rawTables = []tableSpec{
	{
		Name:      "raw.flights",
		Title:     "Flights, as reported",
		Comment:   "Every flight that left EWR, JFK or LGA, one row each, as the airlines reported it. Cancelled flights are in: they have no departure time.",
		Team:      "flight-ops",
		Domain:    "operations",
		Tags:      "bts, flights, source",
		Certified: true,
		Partition: "month(time_hour)",
		Sort:      []string{"time_hour", "origin"},
		Columns: []columnSpec{
			{Name: "year", Type: "int!", Doc: "Local year of scheduled departure."},
			{Name: "month", Type: "int!", Doc: "Local month of scheduled departure, 1 to 12."},
			{Name: "day", Type: "int!", Doc: "Local day of scheduled departure."},
			{Name: "dep_time", Type: "int", Doc: "Actual departure as HHMM in local time: 517 is 05:17. Empty when the flight was cancelled."},
			{Name: "sched_dep_time", Type: "int!", Doc: "Scheduled departure as HHMM in local time."},
			{Name: "dep_delay", Type: "int", Doc: "Departure delay in minutes; negative when early."},
			{Name: "arr_time", Type: "int", Doc: "Actual arrival as HHMM in the local time of the destination."},
			{Name: "sched_arr_time", Type: "int!", Doc: "Scheduled arrival as HHMM in the local time of the destination."},
			{Name: "arr_delay", Type: "int", Doc: "Arrival delay in minutes; negative when early. Empty when cancelled or diverted."},
			{Name: "carrier", Type: "string!", Doc: docCarrier},
			{Name: "flight", Type: "int!", Doc: "Flight number; unique within a day only together with carrier and origin."},
			{Name: "tailnum", Type: "string", Doc: docTailnum},
			{Name: "origin", Type: "string!", Doc: docOrigin},
			{Name: "dest", Type: "string!", Doc: docDest},
			{Name: "air_time", Type: "int", Doc: "Minutes in the air."},
			{Name: "distance", Type: "int!", Doc: "Distance between the airports in miles."},
			{Name: "hour", Type: "int!", Doc: "Hour of scheduled departure, local."},
			{Name: "minute", Type: "int!", Doc: "Minute of scheduled departure."},
			{Name: "time_hour", Type: "timestamptz!", Doc: docTimeHour + " Joins with raw.weather."},
		},
	},
	{
		Name:      "raw.weather",
		Title:     "Weather by the hour, as measured",
		Comment:   "Hourly weather at the three airports, in the units of the station reports. Some hours are missing.",
		Team:      "weather-desk",
		Domain:    "weather",
		Tags:      "noaa, source",
		Partition: "identity(origin)",
		Columns: []columnSpec{
			{Name: "origin", Type: "string!", Doc: "Airport of the station: EWR, JFK or LGA."},
			{Name: "year", Type: "int!", Doc: "Local year."},
			{Name: "month", Type: "int!", Doc: "Local month, 1 to 12."},
			{Name: "day", Type: "int!", Doc: "Local day."},
			{Name: "hour", Type: "int!", Doc: "Local hour."},
			{Name: "temp", Type: "double", Doc: "Temperature in degrees Fahrenheit."},
			{Name: "dewp", Type: "double", Doc: "Dew point in degrees Fahrenheit."},
			{Name: "humid", Type: "double", Doc: "Relative humidity in percent."},
			{Name: "wind_dir", Type: "int", Doc: "Direction the wind comes from, in degrees; 0 is calm."},
			{Name: "wind_speed", Type: "double", Doc: "Wind speed in miles per hour. One report exceeds 1,000: an error of the source."},
			{Name: "wind_gust", Type: "double", Doc: "Gusts in miles per hour; empty when there were none."},
			{Name: "precip", Type: "double!", Doc: "Precipitation in inches."},
			{Name: "pressure", Type: "double", Doc: "Sea level pressure in millibars."},
			{Name: "visib", Type: "double!", Doc: "Visibility in miles, 10 at most."},
			{Name: "time_hour", Type: "timestamptz!", Doc: docTimeHour},
		},
	},
	{
		Name:    "raw.airports",
		Title:   "Airports",
		Comment: "Airports of the United States with their places and time zones. Four destinations of raw.flights are not among them.",
		Team:    "network-planning",
		Domain:  "reference",
		Tags:    "openflights, source",
		Columns: []columnSpec{
			{Name: "faa", Type: "string!", Doc: "FAA code, the key."},
			{Name: "name", Type: "string!", Doc: "Usual name."},
			{Name: "lat", Type: "double!", Doc: "Latitude in degrees."},
			{Name: "lon", Type: "double!", Doc: "Longitude in degrees."},
			{Name: "alt", Type: "int!", Doc: "Altitude in feet."},
			{Name: "tz", Type: "int!", Doc: "Offset from UTC in hours."},
			{Name: "dst", Type: "string!", Doc: "Daylight saving time: A as in the US, N none, U unknown."},
			{Name: "tzone", Type: "string", Doc: "IANA time zone."},
		},
	},
	{
		Name:    "raw.planes",
		Title:   "Planes",
		Comment: "The planes that flew, from the FAA's registry. More than one in six tail numbers of raw.flights are not in it.",
		Team:    "flight-ops",
		Domain:  "reference",
		Tags:    "faa, source",
		Columns: []columnSpec{
			{Name: "tailnum", Type: "string!", Doc: "Tail number, the key."},
			{Name: "year", Type: "int", Doc: "Year of manufacture. Not moved with the dates of the flights."},
			{Name: "type", Type: "string!", Doc: "Kind of plane."},
			{Name: "manufacturer", Type: "string!", Doc: "Manufacturer as registered; one firm may have several spellings."},
			{Name: "model", Type: "string!", Doc: "Model as registered."},
			{Name: "engines", Type: "int!", Doc: "Number of engines."},
			{Name: "seats", Type: "int!", Doc: "Number of seats."},
			{Name: "speed", Type: "int", Doc: "Average cruising speed in miles per hour; hardly ever given."},
			{Name: "engine", Type: "string!", Doc: "Kind of engine."},
		},
	},
	{
		Name:      "raw.airlines",
		Title:     "Airlines",
		Comment:   "The sixteen airlines that flew from New York.",
		Team:      "network-planning",
		Domain:    "reference",
		Tags:      "bts, source",
		Certified: true,
		Columns: []columnSpec{
			{Name: "carrier", Type: "string!", Doc: "Two-letter code, the key."},
			{Name: "name", Type: "string!", Doc: "Full name."},
		},
	},
}

// loadLog is written by the loader and described by nobody, as such tables are.
var loadLog = tableSpec{
	Name: "raw.load_log",
	Columns: []columnSpec{
		{Name: "table_name", Type: "string"},
		{Name: "snapshot_id", Type: "long"},
		{Name: "rows", Type: "long"},
		{Name: "loaded_at", Type: "timestamptz"},
	},
}
