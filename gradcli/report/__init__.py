"""From a CheckResult to something to look at. Draws; never computes, prints or exits."""
