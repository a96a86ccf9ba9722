"""The door for clients of YOURLS: `/yourls-api.php`, by GET and POST. The signature is an API token."""
