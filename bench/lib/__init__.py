"""What the comparisons with redis-server share. Python's standard library only."""
