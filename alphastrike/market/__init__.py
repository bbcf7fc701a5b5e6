"""Markets: imported or simulated datasets with their instruments, immutable and known by content hash."""
