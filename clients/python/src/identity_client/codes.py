"""The codes of errors that the site knows, by status; what they mean is in each error's `message`."""

from __future__ import annotations

CODES: dict[int, frozenset[str]] = {
    400: frozenset({"invalid_request", "parse_error", "invalid_base64", "unknown_host"}),
    401: frozenset({"no_key", "invalid_key"}),
    403: frozenset({"wrong_scope"}),
    404: frozenset(
        {"unknown_person", "unknown_photo", "no_picture", "no_challenge", "unknown_import", "not_found"}
    ),
    405: frozenset({"method_not_allowed"}),
    409: frozenset(
        {
            "id_taken",
            "duplicate",
            "not_enrolled",
            "suspended",
            "busy",
            "no_picture",
            "consent_missing",
            "consent_withdrawn",
            "old_text",
            "liveness_required",
            "liveness_token",
            "wrong_nonce",
            "too_many_imports",
            "not_kept",
        }
    ),
    411: frozenset({"length_required"}),
    413: frozenset({"too_large"}),
    415: frozenset({"unsupported_media_type"}),
    422: frozenset(
        {
            "empty",
            "unreadable",
            "animated",
            "unknown_face",
            "invalid_person",
            "not_live",
            "unequal",
            "too_many_frames",
            "bad_archive",
            "unsafe_archive",
            "archive_too_large",
            "several_tables",
            "too_many",
            "nobody",
            "not_csv",
            "wrong_columns",
            "no_person_id",
            "bad_consent",
        }
    ),
    429: frozenset({"throttled"}),
    500: frozenset({"server_error"}),
    503: frozenset({"overloaded", "not_ready", "unavailable"}),
}
