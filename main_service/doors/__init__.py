"""Other ways in than our own API and pages: plain requests of curl, and the APIs of other programs."""
