-- For people with psql; the program reads none of these. They are documented in docs/postgres.md.
CREATE VIEW empanel_records AS
    SELECT scope AS project, kind, id, revision, record
    FROM empanel_entries
    WHERE section = 'r';

CREATE VIEW empanel_links AS
    SELECT scope AS project, kind, link_name AS name, link_value AS value, id
    FROM empanel_entries
    WHERE section = 'l';

CREATE VIEW empanel_gradings AS
    SELECT l.scope AS project,
           l.id,
           l.link_value AS status,
           r.record ->> 'system' AS system,
           r.record ->> 'task_id' AS task_id,
           r.record ->> 'submission_id' AS submission_id,
           r.record -> 'rubric' ->> 'id' AS rubric_id,
           r.record -> 'panel' ->> 'name' AS panel,
           r.record
    FROM empanel_entries l
    LEFT JOIN empanel_entries r ON r.key = l.scope || '/r/grading/' || l.id
    WHERE l.kind = 'grading' AND l.section = 'l' AND l.link_name = 'status';

CREATE VIEW empanel_votes AS
    SELECT scope AS project,
           id,
           record -> 'key' -> 'subject' ->> 'grading' AS grading_id,
           record -> 'key' -> 'subject' ->> 'comparison' AS comparison_id,
           record -> 'key' ->> 'judge' AS judge,
           (record -> 'key' ->> 'repeat')::int AS repeat,
           record -> 'key' -> 'question' ->> 'criterion' AS criterion_id,
           record -> 'outcome' -> 'answered' ->> 'answer' AS answer,
           record -> 'outcome' -> 'failed' AS failed,
           (record ->> 'cost_usd')::double precision AS cost_usd,
           (record ->> 'latency_ms')::bigint AS latency_ms,
           (record ->> 'attempts')::int AS attempts,
           record
    FROM empanel_entries
    WHERE kind = 'vote' AND section = 'r';

CREATE VIEW empanel_reviews AS
    SELECT l.scope AS project,
           l.id,
           l.link_value = 'yes' AS pending,
           r.record -> 'about' ->> 'kind' AS about,
           r.record -> 'about' ->> 'grading_id' AS grading_id,
           r.record -> 'about' ->> 'criterion_id' AS criterion_id,
           r.record ->> 'task_id' AS task_id,
           r.record ->> 'reason' AS reason,
           (r.record ->> 'priority')::double precision AS priority,
           r.record
    FROM empanel_entries l
    LEFT JOIN empanel_entries r ON r.key = l.scope || '/r/review/' || l.id
    WHERE l.kind = 'review' AND l.section = 'l' AND l.link_name = 'pending';
