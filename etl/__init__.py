"""From files to shards: data sets, demo data, price panels, splits and the TFRecord shards.

Everything streams era by era; no stage holds a whole data set.
"""
