"""From live data to a checked submission, and the loopback tournament to rehearse it on."""
