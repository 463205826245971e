"""Frames: columns that have their types from the start."""

import pandas as pd


def to_frame(rows, **dtypes):
    """Return a DataFrame of rows, whose columns have their types from the start.

    Args:
        rows: A list of tuples.
        dtypes: The columns' names, each with its dtype; `s` and `ns` make times (datetime64, UTC)
            of what is counted so since 1970.
    """
    columns = list(zip(*rows, strict=True)) or [()] * len(dtypes)
    filled = zip(dtypes.items(), columns, strict=True)
    return pd.DataFrame({name: _series(values, dtype) for (name, dtype), values in filled})


def _series(values, dtype):
    if dtype in ("s", "ns"):
        return pd.to_datetime(pd.Series(values, dtype="int64"), unit=dtype, utc=True)
    return pd.Series(values, dtype=dtype)
