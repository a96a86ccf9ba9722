"""Files that users download: their names, and CSV that is safe in a spreadsheet."""
