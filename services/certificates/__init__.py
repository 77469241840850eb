"""Learning, results and certificates: what happens to a training once somebody was given a seat."""
