"""What no lesson shows: errors, names, archives, and what an Engine or a registry says."""
