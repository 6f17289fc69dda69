"""Photos of people on their way into the gallery: handed in, examined by a worker, chosen, removed; bulk
imports and the original project's files.

A photo is claimed by one worker at a time, and counts once its vector is stored. May import `identities`
and what that may.
"""

from __future__ import annotations

from recognition.services.enrolment.ageing import (
    crops_before,
    drop_crops,
    drop_originals,
    drop_rejected,
    originals_before,
    rejected_before,
)
from recognition.services.enrolment.from_events import (
    add_picture_of_event,
    add_pictures_of_events,
    enrol_from_event,
    has_picture,
)
from recognition.services.enrolment.guidance import guide
from recognition.services.enrolment.import_archive import open_plan
from recognition.services.enrolment.import_folders import remove_abandoned as remove_abandoned_imports
from recognition.services.enrolment.import_names import (
    MOST_NAMES,
    begin_person,
    known_people,
    plan_of_names,
)
from recognition.services.enrolment.import_plan import PlannedPerson, read_plan
from recognition.services.enrolment.import_report import Report
from recognition.services.enrolment.import_runs import run_import
from recognition.services.enrolment.importing import import_people
from recognition.services.enrolment.imports import (
    counts_of,
    demand_room,
    drop_imports,
    get_import,
    give_up_import,
    handed_in_before,
    imports_before,
    prepare_import,
    start_import,
)
from recognition.services.enrolment.invitations import (
    INVITATION_DAYS,
    MOST_PHOTOS,
    agree,
    decline,
    has_agreed,
    invitation_of,
    invite,
    knows_all,
    note_mailed,
    revoke_invitation,
    take_photos,
)
from recognition.services.enrolment.npz_exchange import export_npz, import_npz
from recognition.services.enrolment.photos import (
    accept_photo,
    acceptable,
    choose_face,
    delete_photo,
    process_photos,
    sweep_photos,
)
from recognition.services.enrolment.review import (
    confirm_photo,
    merge_people_of,
    move_photo,
    photos_in_review,
    reject_photo,
)
from recognition.services.enrolment.uploads import Uploads, keep_uploads, read_uploads

__all__ = [
    "INVITATION_DAYS",
    "MOST_NAMES",
    "MOST_PHOTOS",
    "PlannedPerson",
    "Report",
    "Uploads",
    "accept_photo",
    "acceptable",
    "add_picture_of_event",
    "add_pictures_of_events",
    "agree",
    "begin_person",
    "choose_face",
    "confirm_photo",
    "counts_of",
    "crops_before",
    "decline",
    "delete_photo",
    "demand_room",
    "drop_crops",
    "drop_imports",
    "drop_originals",
    "drop_rejected",
    "enrol_from_event",
    "export_npz",
    "get_import",
    "give_up_import",
    "guide",
    "handed_in_before",
    "has_agreed",
    "has_picture",
    "import_npz",
    "import_people",
    "imports_before",
    "invitation_of",
    "invite",
    "keep_uploads",
    "known_people",
    "knows_all",
    "merge_people_of",
    "move_photo",
    "note_mailed",
    "open_plan",
    "originals_before",
    "photos_in_review",
    "plan_of_names",
    "prepare_import",
    "process_photos",
    "read_plan",
    "read_uploads",
    "reject_photo",
    "rejected_before",
    "remove_abandoned_imports",
    "revoke_invitation",
    "run_import",
    "start_import",
    "sweep_photos",
    "take_photos",
]
