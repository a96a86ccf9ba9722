"""Visits on their way: counted by web processes, kept in Redis, brought to PostgreSQL by the worker."""

from deploy.observability.dashboards.panels import COUNT, PER_SECOND, SECONDS, Dashboard, Panel, Query, Row

DASHBOARD = Dashboard(
    "visits",
    "Visits",
    (
        Row(
            "From visitor to PostgreSQL",
            (
                Panel(
                    "Recorded and ingested",
                    PER_SECOND,
                    (
                        Query("sum(rate(slipbin_visits_recorded_total[$__rate_interval]))", "written to Redis"),
                        Query("sum(rate(slipbin_visits_ingested_total[$__rate_interval]))", "brought to PostgreSQL"),
                    ),
                    "The same over time; the second comes every 10 s.",
                ),
                Panel(
                    "Age of the oldest in the stream",
                    SECONDS,
                    (Query("max(slipbin_visit_stream_oldest_age_seconds)", "oldest"),),
                    "Up to 10 s is how it works.",
                    red_from=120,
                ),
                Panel(
                    "Records in the stream",
                    COUNT,
                    (Query("max(slipbin_visit_stream_length)", "records"),),
                    "Each holds the visits of a batch.",
                ),
            ),
        ),
        Row(
            "What should be zero",
            (
                Panel(
                    "Waiting in web processes",
                    COUNT,
                    (Query("sum(slipbin_visits_waiting)", "visits"),),
                    "Redis is down. They are lost if the process is killed.",
                    red_from=1,
                ),
                Panel(
                    "Dropped",
                    COUNT,
                    (Query("sum(increase(slipbin_visits_dropped_total[$__rate_interval]))", "visits"),),
                    "Redis was down for so long that MAIN_VISIT_BUFFER was full.",
                    red_from=1,
                ),
                Panel(
                    "Dead letters",
                    COUNT,
                    (Query("max(slipbin_visit_dead_letters)", "records"),),
                    "Records that could not be read or stored. They are kept, and can be put back.",
                    red_from=1,
                ),
            ),
        ),
    ),
)
