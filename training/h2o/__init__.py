"""H2O and Sparkling Water: rows as parquet to a Java server, models back as MOJO files.

Nothing here imports the library h2o before a server is started.
"""
