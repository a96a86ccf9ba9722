"""The data folder of one Slipbin: its layout, its owner, its lock, its secrets."""
