"""Keeps programs running, and leaves none behind: processes, their restarts, the watchdog."""
