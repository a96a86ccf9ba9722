"""Starts, watches and stops everything of Slipbin on one machine, from engines that pip installed."""
