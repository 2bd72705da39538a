"""Planted bugs: hand-written pairs in many habits, each damaged in many ways, at points chosen to be hard."""
