"""Functions and triggers of the audit log, as migration 0020 makes them."""

from __future__ import annotations

from collections.abc import Iterable

# Table, what it is called, the column with the person's number, columns whose values may be noted, columns that count for
# nothing, and when an update counts. Values of other columns, such as names, are never noted, only that they changed.
Watched = tuple[str, str, str, str, str, str]
WATCHED: tuple[Watched, ...] = (
    ("recognition_identity", "person", "id", "status,user_id,withdrawn_at", "updated_at", ""),
    (
        "recognition_photo",
        "photo",
        "identity_id",
        "state,reason,identity_id,accepted,confirmed",
        "",
        "NEW.identity_id <> OLD.identity_id OR (NEW.state IS DISTINCT FROM OLD.state"
        " AND NEW.state IN ('ready', 'rejected', 'review'))",
    ),
    ("recognition_consent", "consent", "identity_id", "withdrawn_at", "", ""),
    ("recognition_consenttext", "consent_text", "", "", "", ""),
    (
        "recognition_thresholdpolicy",
        "policy",
        "",
        "active,verify_threshold,identify_threshold,margin,source",
        "measurements",
        "",
    ),
    ("recognition_apikey", "key", "", "name,prefix,scopes,liveness,revoked_at", "last_used_at", ""),
    (
        "recognition_modelchange",
        "model_change",
        "",
        "state,target_id,before_id",
        "",
        "NEW.state <> OLD.state",
    ),
    ("recognition_modelversion", "model", "", "name,active", "", ""),
    ("recognition_erasure", "erasure", "person", "", "", ""),
    ("recognition_retentionrun", "retention_run", "", "removed", "", ""),
    ("accounts_user", "account", "", "is_active,is_staff,is_superuser", "last_login", ""),
    ("accounts_user_groups", "account_group", "", "user_id,group_id", "", ""),
    ("accounts_user_user_permissions", "account_right", "", "user_id,permission_id", "", ""),
    ("auth_group", "group", "", "name", "", ""),
    ("auth_group_permissions", "group_right", "", "group_id,permission_id", "", ""),
)
# Tables that came later, by the migration that watches them.
WATCHED_SINCE_24: tuple[Watched, ...] = (
    ("recognition_camera", "camera", "", "name,place,enabled", "updated_at", ""),
    ("accounts_signinrule", "sign_in_rule", "", "group_id,face,paths", "", ""),
    ("account_emailaddress", "email_address", "", "user_id,verified,primary", "", ""),
)
WATCHED_SINCE_26: tuple[Watched, ...] = (
    ("recognition_merge", "merge", "into_id", "other_id,undone_at", "moved", ""),
)
WATCHED_SINCE_28: tuple[Watched, ...] = (
    ("recognition_correction", "correction", "identity_id", "decision_id", "taken", ""),
    ("recognition_lookalikes", "lookalikes", "first_id", "second_id,source", "", ""),
)
WATCHED_SINCE_29: tuple[Watched, ...] = (
    ("recognition_webhook", "webhook", "", "name,active,types,with_names", "failing_since", ""),
)
WATCHED_SINCE_30: tuple[Watched, ...] = (("recognition_visitor", "visitor", "", "", "", ""),)
WATCHED_SINCE_33: tuple[Watched, ...] = (
    ("recognition_invitation", "invitation", "identity_id", "used_at,declined_at,revoked_at", "mailed", ""),
)
WATCHED_SINCE_35: tuple[Watched, ...] = (("recognition_detectorchoice", "detector", "", "detector", "", ""),)

FUNCTIONS = """
-- What an entry says, in one way for ever: the columns by name, so that later ones change nothing.
CREATE FUNCTION identity_audit_text(entry recognition_auditentry) RETURNS text
LANGUAGE sql STABLE SET timezone = 'UTC' AS $$
    SELECT jsonb_build_array(
        entry.id, to_char(entry.at, 'YYYY-MM-DD"T"HH24:MI:SS.US'), entry.action, entry.who, entry."user", entry.key,
        entry.address, entry.way, entry.kind, entry.object, entry.person, entry.detail
    )::text
$$;

-- As a transaction ends, its entries are put at the end of the chain, one transaction after another.
CREATE FUNCTION identity_audit_chain() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    place bigint;
    before text;
BEGIN
    PERFORM pg_advisory_xact_lock(7216984560);
    SELECT number, digest INTO place, before FROM recognition_auditlink ORDER BY number DESC LIMIT 1;
    INSERT INTO recognition_auditlink (number, entry, digest) VALUES (
        coalesce(place, 0) + 1,
        NEW.id,
        encode(sha256(convert_to(coalesce(before, '') || identity_audit_text(NEW), 'UTF8')), 'hex')
    );
    RETURN NULL;
END $$;

CREATE FUNCTION identity_audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'The audit log cannot be changed.' USING ERRCODE = 'insufficient_privilege';
END $$;

-- Notes a change of a row. Arguments: what it is called, column with the person's number, columns whose values may be
-- noted, columns that count for nothing.
CREATE FUNCTION identity_audit_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    actor jsonb := coalesce(nullif(current_setting('identity.actor', true), ''), '{}')::jsonb;
    shown text[] := string_to_array(TG_ARGV[2], ',');
    ignored text[] := string_to_array(TG_ARGV[3], ',');
    before jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE to_jsonb(OLD) END;
    after jsonb := CASE WHEN TG_OP = 'DELETE' THEN '{}' ELSE to_jsonb(NEW) END;
    present jsonb := CASE WHEN TG_OP = 'DELETE' THEN before ELSE after END;
    changed text[];
    told jsonb;
BEGIN
    IF TG_OP = 'UPDATE' THEN
        SELECT array_agg(key ORDER BY key) INTO changed FROM jsonb_each(after)
        WHERE before -> key IS DISTINCT FROM value AND NOT key = ANY (ignored);
        IF changed IS NULL THEN
            RETURN NULL;
        END IF;
        SELECT jsonb_build_object('changed', to_jsonb(changed)) || coalesce(
            jsonb_object_agg(name, jsonb_build_array(before -> name, after -> name)), '{}'
        ) INTO told FROM unnest(shown) AS name WHERE name = ANY (changed);
    ELSE
        SELECT coalesce(jsonb_object_agg(name, present -> name), '{}') INTO told FROM unnest(shown) AS name;
    END IF;
    INSERT INTO recognition_auditentry
        (at, action, who, "user", key, address, way, kind, object, person, detail)
    VALUES (
        clock_timestamp(),
        TG_ARGV[0] || CASE TG_OP WHEN 'INSERT' THEN '.added' WHEN 'UPDATE' THEN '.changed' ELSE '.removed' END,
        coalesce(actor ->> 'who', ''), (actor ->> 'user')::bigint, (actor ->> 'key')::bigint,
        coalesce(actor ->> 'address', ''), coalesce(actor ->> 'way', ''),
        TG_ARGV[0], present ->> 'id',
        CASE WHEN TG_ARGV[1] = '' THEN NULL ELSE (present ->> TG_ARGV[1])::bigint END,
        told
    );
    RETURN NULL;
END $$;

-- One entry for each probe that was decided, whoever was in it.
CREATE FUNCTION identity_audit_probe() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    actor jsonb := coalesce(nullif(current_setting('identity.actor', true), ''), '{}')::jsonb;
BEGIN
    INSERT INTO recognition_auditentry
        (at, action, who, "user", key, address, way, kind, object, person, detail)
    SELECT
        clock_timestamp(), 'probe.' || kind, coalesce(actor ->> 'who', ''),
        coalesce((actor ->> 'user')::bigint, min(user_id)), coalesce((actor ->> 'key')::bigint, min(api_key_id)),
        coalesce(actor ->> 'address', ''), coalesce(actor ->> 'way', ''), 'probe', probe::text,
        CASE WHEN count(*) = 1 THEN min(identity_id) END,
        jsonb_build_object('outcomes', jsonb_agg(outcome), 'reasons', jsonb_agg(reason))
    FROM decided GROUP BY probe, kind;
    RETURN NULL;
END $$;
"""


def triggers(watched: Iterable[Watched]) -> str:
    made = []
    for table, name, person, shown, ignored, when in watched:
        call = f"EXECUTE FUNCTION identity_audit_change('{name}', '{person}', '{shown}', '{ignored}')"
        made.append(f"CREATE TRIGGER audit_rows AFTER INSERT OR DELETE ON {table} FOR EACH ROW {call};")
        condition = f" WHEN ({when})" if when else ""
        made.append(f"CREATE TRIGGER audit_updates AFTER UPDATE ON {table} FOR EACH ROW{condition} {call};")
    return "\n".join(made)


def no_triggers(watched: Iterable[Watched]) -> str:
    return "\n".join(
        f"DROP TRIGGER audit_rows ON {table}; DROP TRIGGER audit_updates ON {table};" for table, *_ in watched
    )


GUARDS = """
CREATE TRIGGER audit_probes AFTER INSERT ON recognition_decision
    REFERENCING NEW TABLE AS decided FOR EACH STATEMENT EXECUTE FUNCTION identity_audit_probe();
CREATE CONSTRAINT TRIGGER audit_chain AFTER INSERT ON recognition_auditentry
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION identity_audit_chain();
CREATE TRIGGER audit_fixed BEFORE UPDATE OR DELETE ON recognition_auditentry
    FOR EACH ROW EXECUTE FUNCTION identity_audit_refuse();
CREATE TRIGGER audit_kept BEFORE TRUNCATE ON recognition_auditentry
    FOR EACH STATEMENT EXECUTE FUNCTION identity_audit_refuse();
CREATE TRIGGER audit_fixed BEFORE UPDATE OR DELETE ON recognition_auditlink
    FOR EACH ROW EXECUTE FUNCTION identity_audit_refuse();
CREATE TRIGGER audit_kept BEFORE TRUNCATE ON recognition_auditlink
    FOR EACH STATEMENT EXECUTE FUNCTION identity_audit_refuse();
"""

FORTH = FUNCTIONS + triggers(WATCHED) + GUARDS
BACK = (
    no_triggers(WATCHED)
    + """
DROP TRIGGER audit_probes ON recognition_decision;
DROP TRIGGER audit_chain ON recognition_auditentry;
DROP TRIGGER audit_fixed ON recognition_auditentry;
DROP TRIGGER audit_kept ON recognition_auditentry;
DROP TRIGGER audit_fixed ON recognition_auditlink;
DROP TRIGGER audit_kept ON recognition_auditlink;
DROP FUNCTION identity_audit_probe, identity_audit_change, identity_audit_refuse, identity_audit_chain,
    identity_audit_text;
"""
)
