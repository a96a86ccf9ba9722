"""Pages of entries: create, read, manage, edit, QR codes."""
