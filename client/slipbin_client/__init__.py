"""slipbin, the command line client of Slipbin."""

VERSION = "0.1.0"
