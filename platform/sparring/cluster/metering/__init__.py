"""What a running search says to Prometheus, through Ray: the table, the figures, Ray's gauges."""
