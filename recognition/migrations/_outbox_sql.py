"""What others are told of: Postgres notes it in the transaction that records the event, whoever writes.

First webhooks alone were told. Since the log of events there are also those who follow it.
"""

from __future__ import annotations

_TOLD = """CASE TG_TABLE_NAME || ' ' || TG_OP
        WHEN 'recognition_attendance INSERT' THEN 'attendance.' || (to_jsonb(NEW) ->> 'kind')
        WHEN 'recognition_decision UPDATE' THEN 'person.signed_in'
        ELSE CASE
            WHEN to_jsonb(NEW) ->> 'reason' = 'not_live' THEN 'person.refused'
            WHEN to_jsonb(NEW) ->> 'outcome' = 'match' THEN 'person.recognised'
            ELSE 'person.not_recognised'
        END
    END"""
_OUTBOX = """
FUNCTION identity_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO recognition_delivery
        (id, webhook_id, type, subject, attempts, next_at, error, created_at)
    SELECT gen_random_uuid(), id, told, NEW.id, 0, clock_timestamp(), '', clock_timestamp()
    FROM recognition_webhook, LATERAL (SELECT {told} AS told) AS message
    WHERE active AND told = ANY (types);
    RETURN NULL;
END $$;
""".replace("{told}", _TOLD)
FORTH = f"""
CREATE {_OUTBOX}
CREATE TRIGGER outbox AFTER INSERT ON recognition_attendance FOR EACH ROW EXECUTE FUNCTION identity_outbox();
CREATE TRIGGER outbox AFTER INSERT ON recognition_decision FOR EACH ROW
    WHEN (NEW.reason = 'not_live' OR (NEW.kind IN ('identify', 'watch') AND NEW.outcome IN ('match', 'no_match')))
    EXECUTE FUNCTION identity_outbox();
CREATE TRIGGER outbox_sign_in AFTER UPDATE OF user_id ON recognition_decision FOR EACH ROW
    WHEN (NEW.kind = 'login' AND OLD.user_id IS NULL AND NEW.user_id IS NOT NULL)
    EXECUTE FUNCTION identity_outbox();
"""
BACK = """
DROP TRIGGER outbox ON recognition_attendance;
DROP TRIGGER outbox ON recognition_decision;
DROP TRIGGER outbox_sign_in ON recognition_decision;
DROP FUNCTION identity_outbox;
"""
LOG_FORTH = """
CREATE OR REPLACE FUNCTION identity_outbox() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    told text := {told};
BEGIN
    INSERT INTO recognition_loggedevent (type, subject, at) VALUES (told, NEW.id, clock_timestamp());
    INSERT INTO recognition_delivery
        (id, webhook_id, type, subject, attempts, next_at, error, created_at)
    SELECT gen_random_uuid(), id, told, NEW.id, 0, clock_timestamp(), '', clock_timestamp()
    FROM recognition_webhook WHERE active AND told = ANY (types);
    RETURN NULL;
END $$;
""".replace("{told}", _TOLD)
LOG_BACK = f"CREATE OR REPLACE {_OUTBOX}"
