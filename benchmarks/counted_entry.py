"""An entry with ten million visits, as the ingest leaves their sums, among the hours of other entries.

The visits are not made one by one: 400 days have 24 hours, and 100 values of each of six dimensions.
"""

DAYS = 400
PEOPLE_AN_HOUR = 1_042
PEOPLE = DAYS * 24 * PEOPLE_AN_HOUR
OTHER_ENTRIES = 1_000

KEY = "visited"
FILL_TABLES = f"""
    INSERT INTO entry (key, kind, visibility, created_at, updated_at, expires_at, original_url, has_public_statistics)
    VALUES ('{KEY}', 'link', 'unlisted', now(), now(), now() + interval '1 day', 'https://example.org/', true);
    INSERT INTO visit_hour (key, hour_at, people, bots, day_visitors)
    SELECT '{KEY}', hour_at, {PEOPLE_AN_HOUR}, 100, 20000
    FROM generate_series(current_date - {DAYS - 1}, current_date + interval '23 hours', '1 hour') AS hour_at;
    INSERT INTO visit_hour (key, hour_at, people, bots, day_visitors)
    SELECT 'other' || number, hour_at, 1, 1, 1
    FROM generate_series(1, {OTHER_ENTRIES}) AS number,
         generate_series(current_date - {DAYS - 1}, current_date, '4 days') AS hour_at;
    INSERT INTO visit_day_value (key, day, dimension, value, visits)
    SELECT '{KEY}', day, dimension, 'value ' || number,
           {PEOPLE_AN_HOUR * 24 // 100} + CASE WHEN number <= {PEOPLE_AN_HOUR * 24 % 100} THEN 1 ELSE 0 END
    FROM generate_series(current_date - {DAYS - 1}, current_date, '1 day') AS day,
         unnest(ARRAY['browser', 'country', 'device', 'language', 'os', 'referrer']) AS dimension,
         generate_series(1, 100) AS number
    ORDER BY day;
    INSERT INTO visit_month (key, month)
    SELECT DISTINCT key, CAST(date_trunc('month', hour_at AT TIME ZONE 'UTC') AS date) FROM visit_hour;
"""
