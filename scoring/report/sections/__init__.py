"""The sections of the report, one module each: result records in, HTML and figures out.

A section whose files are not there says which verb makes them.
"""
