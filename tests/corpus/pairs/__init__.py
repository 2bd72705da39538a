"""Hand-written forward/backward pairs in many habits; all of them are right."""
