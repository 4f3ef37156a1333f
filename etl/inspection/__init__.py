"""What is in a data set or shard set: eras, rows, features, targets, missing values, size.

`inspect_run` looks and `write_inspection` writes what it saw; pages are made from that file.
"""

from etl.inspection.run import INSPECTION, find_run_damage, inspect_run, write_inspection

__all__ = ["INSPECTION", "find_run_damage", "inspect_run", "write_inspection"]
