"""What the service stands on: PostgreSQL, Valkey, the store of texts, the gateway, the disks, the containers."""

from deploy.observability.dashboards.panels import (
    BYTES,
    COUNT,
    PER_SECOND,
    SECONDS,
    SHARE,
    SINCE,
    Dashboard,
    Panel,
    Query,
    Row,
)

DASHBOARD = Dashboard(
    "engines",
    "Engines",
    (
        Row(
            "As the service finds them",
            (
                Panel(
                    "Parts",
                    COUNT,
                    (Query("min by (part) (slipbin_part_up)", "{{part}}"),),
                    is_number=True,
                    red_below=1,
                    words=((0, "away"), (1, "there")),
                ),
                Panel(
                    "Certificate ends",
                    SINCE,
                    (Query("min(slipbin_certificate_expiry_timestamp_seconds) * 1000"),),
                    "Empty without HTTPS.",
                    is_number=True,
                ),
                Panel(
                    "Schema",
                    COUNT,
                    (
                        Query(
                            "count by (revision, expected) (slipbin_schema_info)",
                            "{{revision}}, expected {{expected}}",
                        ),
                    ),
                    "The migration that the database has, and the one that the code needs.",
                    is_number=True,
                ),
                Panel(
                    "A call takes: 95 of 100 within",
                    SECONDS,
                    (
                        Query(
                            "histogram_quantile(0.95, sum by (part, le) "
                            "(rate(slipbin_part_call_duration_seconds_bucket[$__rate_interval])))",
                            "{{part}}",
                        ),
                    ),
                ),
                Panel(
                    "Failed calls",
                    PER_SECOND,
                    (Query("sum by (part) (rate(slipbin_part_failures_total[$__rate_interval]))", "{{part}}"),),
                    "Because the part was away, hung or refused.",
                ),
                Panel(
                    "Connections to PostgreSQL",
                    COUNT,
                    (
                        Query("sum by (state) (slipbin_database_pool_connections)", "{{state}}"),
                        Query("sum(slipbin_database_pool_waiting)", "requests that wait for one"),
                    ),
                    "Of the web processes.",
                ),
                Panel(
                    "Free on the disks",
                    SHARE,
                    (
                        Query(
                            "min by (place) (slipbin_disk_free_bytes / slipbin_disk_size_bytes)",
                            "{{place}}",
                        ),
                    ),
                    highest=1,
                    red_below=0.1,
                ),
            ),
        ),
        Row(
            "PostgreSQL",
            (
                Panel(
                    "Transactions",
                    PER_SECOND,
                    (
                        Query('sum(rate(pg_stat_database_xact_commit{datname="slipbin"}[$__rate_interval]))', "done"),
                        Query(
                            'sum(rate(pg_stat_database_xact_rollback{datname="slipbin"}[$__rate_interval]))', "undone"
                        ),
                    ),
                ),
                Panel(
                    "Connections",
                    COUNT,
                    (
                        Query('sum by (state) (pg_stat_activity_count{datname="slipbin"})', "{{state}}"),
                        Query("max(pg_settings_max_connections)", "allowed"),
                    ),
                ),
                Panel(
                    "Size of the database", BYTES, (Query('max(pg_database_size_bytes{datname="slipbin"})', "bytes"),)
                ),
            ),
        ),
        Row(
            "Valkey",
            (
                Panel(
                    "Memory",
                    BYTES,
                    (
                        Query("max(redis_memory_used_bytes)", "used"),
                        Query("max(redis_memory_max_bytes) > 0", "allowed; beyond it, no more data are taken"),
                    ),
                ),
                Panel(
                    "Commands",
                    PER_SECOND,
                    (Query("sum(rate(redis_commands_processed_total[$__rate_interval]))", "commands"),),
                ),
                Panel("Clients", COUNT, (Query("max(redis_connected_clients)", "connected"),)),
            ),
        ),
        Row(
            "Gateway",
            (
                Panel(
                    "Requests", PER_SECOND, (Query("sum(rate(nginx_http_requests_total[$__rate_interval]))", "all"),)
                ),
                Panel(
                    "Connections",
                    COUNT,
                    (
                        Query("sum(nginx_connections_active)", "open"),
                        Query("sum(nginx_connections_waiting)", "idle"),
                    ),
                ),
                Panel(
                    "Refused connections",
                    COUNT,
                    (
                        Query(
                            "sum(increase(nginx_connections_accepted[$__rate_interval])) "
                            "- sum(increase(nginx_connections_handled[$__rate_interval]))",
                            "connections",
                        ),
                    ),
                    "nginx had none left: worker_connections.",
                    red_from=1,
                ),
            ),
        ),
        Row(
            "Containers",
            (
                Panel(
                    "Memory, of what each may take",
                    SHARE,
                    (Query("slipbin:container_memory:ratio", "{{service}}"),),
                    highest=1,
                    red_from=0.9,
                ),
                Panel(
                    "Cores in use",
                    COUNT,
                    (
                        Query(
                            'sum by (service) (rate(container_cpu_usage_seconds_total{service!=""}[$__rate_interval]))',
                            "{{service}}",
                        ),
                    ),
                    is_stacked=True,
                ),
                Panel(
                    "Killed for want of memory",
                    COUNT,
                    (
                        Query(
                            'sum by (service) (increase(container_oom_events_total{service!=""}[$__rate_interval]))',
                            "{{service}}",
                        ),
                    ),
                    red_from=1,
                ),
            ),
        ),
    ),
)
