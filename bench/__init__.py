"""`make bench`: what the authority costs, as ratios that hold on any machine. Writes docs/benchmarks.md."""
