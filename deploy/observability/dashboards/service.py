"""The service as its users meet it: what is asked, what fails, how long it takes, and whether all of it is there."""

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
    "service",
    "Service",
    (
        Row(
            "At a glance",
            (
                Panel(
                    "Alerts",
                    COUNT,
                    (Query('count(ALERTS{alertstate="firing"}) or vector(0)'),),
                    "How many fire now. Grafana lists them under Alerting.",
                    is_number=True,
                    red_from=1,
                    width=4,
                ),
                Panel(
                    "Requests",
                    PER_SECOND,
                    (Query("sum(slipbin:http_requests:rate5m)"),),
                    is_number=True,
                    width=4,
                ),
                Panel(
                    "Failed with 5xx",
                    SHARE,
                    (Query("slipbin:http_errors:ratio5m"),),
                    is_number=True,
                    red_from=0.02,
                    width=4,
                ),
                Panel(
                    "95 of 100 answered within",
                    SECONDS,
                    (Query("slipbin:http_request_duration_seconds:p95_5m"),),
                    "By FastAPI, so without redirects and small texts.",
                    is_number=True,
                    red_from=1,
                    width=4,
                ),
                Panel(
                    "Parts away",
                    COUNT,
                    (Query("count(min by (part) (slipbin_part_up) == 0) or vector(0)"),),
                    "Database, Redis and the store of texts, as the web processes find them.",
                    is_number=True,
                    red_from=1,
                    width=4,
                ),
                Panel(
                    "Version",
                    COUNT,
                    (Query("count by (version) (slipbin_build_info)", "{{version}}"),),
                    "More than one while it is being replaced.",
                    is_number=True,
                    width=4,
                ),
            ),
        ),
        Row(
            "Requests",
            (
                Panel(
                    "Requests by status",
                    PER_SECOND,
                    (Query("sum by (status) (rate(slipbin_http_requests_total[$__rate_interval]))", "{{status}}"),),
                    "Those on the fast path too.",
                    is_stacked=True,
                ),
                Panel(
                    "Busiest routes",
                    PER_SECOND,
                    (
                        Query(
                            "topk(10, sum by (route, method) (rate(slipbin_http_requests_total[$__rate_interval])))",
                            "{{method}} {{route}}",
                        ),
                    ),
                ),
                Panel(
                    "5xx by route",
                    PER_SECOND,
                    (
                        Query(
                            "sum by (route, status) "
                            '(rate(slipbin_http_requests_total{status=~"5.."}[$__rate_interval]))',
                            "{{status}} {{route}}",
                        ),
                    ),
                    "503: a part is away. 500: a bug, with a traceback in the log.",
                ),
                Panel(
                    "Slowest routes: 95 of 100 answered within",
                    SECONDS,
                    (
                        Query(
                            "topk(10, histogram_quantile(0.95, sum by (route, method, le) "
                            "(rate(slipbin_http_request_duration_seconds_bucket[$__rate_interval]))))",
                            "{{method}} {{route}}",
                        ),
                    ),
                ),
                Panel(
                    "Refused, by reason",
                    PER_SECOND,
                    (Query("sum by (code) (rate(slipbin_refusals_total[$__rate_interval]))", "{{code}}"),),
                    "The code in the answer.",
                ),
                Panel(
                    "Entries created",
                    PER_SECOND,
                    (
                        Query(
                            "sum by (kind, creator) (rate(slipbin_entries_created_total[$__rate_interval]))",
                            "{{kind}} of a {{creator}}",
                        ),
                    ),
                    is_stacked=True,
                ),
            ),
        ),
        Row(
            "Colours of code",
            (
                Panel(
                    "Texts rendered, by outcome",
                    PER_SECOND,
                    (Query("sum by (outcome) (rate(slipbin_render_jobs_total[$__rate_interval]))", "{{outcome}}"),),
                    "Of what is not done, the page is there without colours.",
                ),
                Panel(
                    "95 of 100 rendered within",
                    SECONDS,
                    (
                        Query(
                            "histogram_quantile(0.95, sum by (le) "
                            "(rate(slipbin_render_duration_seconds_bucket[$__rate_interval])))",
                            "in the renderer",
                        ),
                    ),
                ),
                Panel(
                    "Texts that wait for a renderer",
                    COUNT,
                    (Query("sum(slipbin_render_waiting)", "texts"),),
                    "A reader who would wait for more than a second gets the page without colours.",
                ),
                Panel(
                    "Renderers started",
                    PER_SECOND,
                    (
                        Query("sum(rate(slipbin_render_starts_total[$__rate_interval]))", "starts"),
                        Query("sum(rate(slipbin_render_ends_total[$__rate_interval]))", "died or killed"),
                    ),
                    "One with each web process, and one after each text that takes too long.",
                ),
            ),
        ),
        Row(
            "Processes",
            (
                Panel(
                    "Memory",
                    BYTES,
                    (Query("sum by (role) (slipbin_process_resident_memory_bytes)", "{{role}}"),),
                    is_stacked=True,
                ),
                Panel(
                    "Cores in use",
                    COUNT,
                    (Query("sum by (role) (rate(slipbin_process_cpu_seconds_total[$__rate_interval]))", "{{role}}"),),
                    is_stacked=True,
                ),
                Panel(
                    "Processes",
                    COUNT,
                    (Query("sum by (role) (slipbin_processes)", "{{role}}"),),
                ),
                Panel("Open connections of clients", COUNT, (Query("sum(slipbin_connections)", "connections"),)),
                Panel(
                    "Files and sockets open, of those allowed",
                    SHARE,
                    (Query("max(slipbin_descriptors_used / slipbin_descriptors_allowed)", "the fullest web process"),),
                    highest=1,
                    red_from=0.8,
                ),
                Panel(
                    "Last start",
                    SINCE,
                    (Query("max by (role) (slipbin_process_start_time_seconds) * 1000", "{{role}}"),),
                    is_number=True,
                ),
            ),
        ),
    ),
)
