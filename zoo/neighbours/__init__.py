"""Models that keep rows and compare others to them: curiosities, on few rows."""
