"""The output of programs: on a terminal or a pipe, in log files, and the command that shows those."""
