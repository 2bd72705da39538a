"""Many checks: which of them, in which order, and how they are run."""
