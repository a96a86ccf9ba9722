"""PostgreSQL and Valkey: found, made ready, started, asked, and ended when an earlier start left them."""
