"""The figures of the report, one module each: result records in, plotly specifications out.

Nothing here imports plotly; the page carries its library and draws the specifications.
"""
