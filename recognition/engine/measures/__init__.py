"""How good vectors and thresholds are: pairs, 1:1 and 1:N error rates, thresholds from allowed errors."""
