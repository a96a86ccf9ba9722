"""Following links and reading small texts: the fast path, the cache before PostgreSQL, and unknown keys."""

from deploy.observability.dashboards.panels import COUNT, PER_SECOND, SECONDS, SHARE, Dashboard, Panel, Query, Row

DASHBOARD = Dashboard(
    "redirects",
    "Redirects",
    (
        Row(
            "Fast path",
            (
                Panel(
                    "Reads by outcome",
                    PER_SECOND,
                    (
                        Query(
                            "sum by (outcome) (rate(slipbin_fast_path_requests_total[$__rate_interval]))", "{{outcome}}"
                        ),
                    ),
                    "Answered at once as a redirect or text, or passed to FastAPI (fallback).",
                    is_stacked=True,
                ),
                Panel(
                    "Reads in a batch",
                    COUNT,
                    tuple(
                        Query(
                            f"histogram_quantile({share}, "
                            "sum by (le) (rate(slipbin_fast_path_batch_size_bucket[$__rate_interval])))",
                            name,
                        )
                        for share, name in ((0.5, "half of all batches up to"), (0.95, "95 of 100 up to"))
                    ),
                    "They grow with the load, which makes each read cheaper.",
                ),
                Panel(
                    "A batch takes",
                    SECONDS,
                    tuple(
                        Query(
                            f"histogram_quantile({share}, "
                            "sum by (le) (rate(slipbin_fast_path_batch_duration_seconds_bucket[$__rate_interval])))",
                            name,
                        )
                        for share, name in ((0.5, "half"), (0.99, "99 of 100"))
                    ),
                    "From sending it to Redis until the reply.",
                    red_from=0.25,
                ),
            ),
        ),
        Row(
            "Cache and keys",
            (
                Panel(
                    "Found in the cache",
                    SHARE,
                    (
                        Query(
                            'sum(rate(slipbin_cache_requests_total{outcome="hit"}[$__rate_interval])) '
                            "/ sum(rate(slipbin_cache_requests_total[$__rate_interval]))",
                            "hits",
                        ),
                    ),
                    "The rest is looked up in PostgreSQL.",
                    highest=1,
                ),
                Panel(
                    "Misses",
                    PER_SECOND,
                    (
                        Query(
                            "sum by (status) (rate(slipbin_address_misses_total[$__rate_interval]))",
                            "{{status}}",
                        ),
                    ),
                    "404: never existed. 410: has ended. 429: one address asks for too many unknown keys.",
                    is_stacked=True,
                ),
                Panel(
                    "Membership filter",
                    SHARE,
                    (
                        Query("max(slipbin_key_filter_fill_ratio)", "keys in it, of those it is made for"),
                        Query("max(slipbin_key_filter_complete)", "complete"),
                    ),
                    "Not complete for a minute after each start of Redis: PostgreSQL is asked for unknown keys then.",
                ),
                Panel(
                    "Ready keys",
                    COUNT,
                    (
                        Query("max by (kind) (slipbin_pool_keys)", "{{kind}}"),
                        Query("max by (kind) (slipbin_pool_capacity)", "{{kind}}, full"),
                    ),
                ),
                Panel(
                    "Keys added to the pools",
                    PER_SECOND,
                    (Query("sum by (kind) (rate(slipbin_pool_keys_added_total[$__rate_interval]))", "{{kind}}"),),
                ),
                Panel(
                    "Keys drawn by web processes",
                    PER_SECOND,
                    (Query("sum(rate(slipbin_keys_drawn_total[$__rate_interval]))", "keys"),),
                    "Because a pool was empty or Redis away. Nothing breaks, but keygen is behind.",
                ),
            ),
        ),
    ),
)
