"""What programs say: lines on a terminal or a pipe, log files, and the command that shows those."""
