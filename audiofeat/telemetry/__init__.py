"""What operators watch: counters, histograms and gauges for Prometheus, and traces."""
