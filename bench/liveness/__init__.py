"""`make bench-liveness`: how many attacks the liveness challenge refuses, and how many genuine people it accepts."""
