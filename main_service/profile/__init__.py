"""What users do with all that is theirs: find it, take it along, leave."""
