"""Writes the letters that wait in the table `mail` and gives them to the mail server."""
