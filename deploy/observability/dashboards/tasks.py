"""Background work: when each task last succeeded, what waits, and what was given up."""

from deploy.observability.dashboards.panels import COUNT, PER_SECOND, SECONDS, Dashboard, Panel, Query, Row

DASHBOARD = Dashboard(
    "tasks",
    "Tasks",
    (
        Row(
            "Runs",
            (
                Panel(
                    "Time since the last success, in periods",
                    COUNT,
                    (Query("topk(10, slipbin:task_silence:periods)", "{{task}}"),),
                    "1: it is due. A daily task that has missed a day is at 2, a task of every 10 s after 20 s.",
                    width=12,
                ),
                Panel(
                    "Runs by outcome",
                    PER_SECOND,
                    (Query("sum by (outcome) (rate(slipbin_task_runs_total[$__rate_interval]))", "{{outcome}}"),),
                    "failure: a bug, with a traceback in the log. put_off: a part was away. skipped: still running.",
                    width=12,
                ),
                Panel(
                    "Failures",
                    COUNT,
                    (
                        Query(
                            'sum by (task) (increase(slipbin_task_runs_total{outcome="failure"}[$__rate_interval]))',
                            "{{task}}",
                        ),
                    ),
                    width=12,
                    red_from=1,
                ),
                Panel(
                    "Slowest: 95 of 100 runs within",
                    SECONDS,
                    (
                        Query(
                            "topk(10, histogram_quantile(0.95, sum by (task, le) "
                            "(rate(slipbin_task_duration_seconds_bucket[$__rate_interval]))))",
                            "{{task}}",
                        ),
                    ),
                    width=12,
                ),
            ),
        ),
        Row(
            "What waits",
            (
                Panel(
                    "Tasks in the queues",
                    COUNT,
                    (Query("max by (queue) (slipbin_queue_length)", "{{queue}}"),),
                    red_from=100,
                ),
                Panel(
                    "Emails",
                    COUNT,
                    (
                        Query("max by (state) (slipbin_emails)", "{{state}}"),
                        Query("sum(increase(slipbin_emails_sent_total[$__rate_interval]))", "sent"),
                    ),
                    "failed: given up within the last 30 days.",
                ),
                Panel(
                    "Changes that the cache may not have",
                    COUNT,
                    (Query("max(slipbin_stale_keys)", "changes"),),
                    "Made while Redis was away; written again within 10 s of its return.",
                ),
                Panel("Texts due to be deleted", COUNT, (Query("max(slipbin_texts_due)", "texts"),)),
            ),
        ),
    ),
)
