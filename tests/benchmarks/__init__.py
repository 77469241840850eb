"""What `make bench` measures: the whole installation on this machine, each figure beside its yardstick."""
