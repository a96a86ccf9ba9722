"""Languages of pastes whose authors name none: looked for once they are made or changed, and stored."""
