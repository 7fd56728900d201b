"""What goes wrong on demand: faults that break an answer, and lies that make it untrue."""
