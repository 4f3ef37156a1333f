"""Search: parameter spaces, studies and mining, many configurations against a benchmark.

Everything that is chosen here is chosen on validation eras inside the development eras.
"""
