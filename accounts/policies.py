"""Who may sign in by face, with which face, and what else it takes. No side effects."""

from __future__ import annotations

from collections.abc import Sequence

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings

from accounts.models import FaceOpens, SignInRule, User
from recognition.services.identities import lookalikes_of
from recognition.services.recognition import FaceAnswer

# A second face this large, compared with the largest, may belong to somebody who stands in front of the
# camera as well. Smaller ones are in the background.
RIVAL_SHARE = 0.5


def several_people(faces: Sequence[FaceAnswer]) -> bool:
    """Whether it is unclear which face is meant. Faces come largest first."""
    return len(faces) > 1 and faces[1].seen.quality.size >= RIVAL_SHARE * faces[0].seen.quality.size


def account_to_open(face: FaceAnswer) -> User | None:
    """The account that this decision opens; None for every reason alike, so that the answers cannot differ."""
    identity = face.identity
    if face.decision != "match" or identity is None or identity.status != "active":
        return None
    user: User | None = identity.user
    if user is None or not face_may_open(user):
        return None
    # Of somebody who is known to be confused with others a face opens nothing without more.
    return user if has_second_factor(user) or not lookalikes_of(identity) else None


def lookalikes(face: FaceAnswer, margin: float) -> list[User]:
    """The accounts that this face may open with the password, when it cannot be told whose of several people it is:
    because they are too close here, or because staff know that they are confused."""
    if face.reason == "ambiguous":
        best = face.candidates[0].score
        alike = [one.identity for one in face.candidates if best - one.score < margin]
    elif face.decision == "match" and face.identity is not None and (others := lookalikes_of(face.identity)):
        alike = [face.identity, *others]
    else:
        return []
    users: list[User] = [one.user for one in alike if one.status == "active" and one.user is not None]
    return [user for user in users if face_may_open(user) and user.has_usable_password()]


def face_opens(user: User) -> FaceOpens:
    """What a face is worth for this account: by the most careful rule of its groups, or else by the site's.

    Never staff by a face alone (NIST SP 800-63B: a biometric is only ever a part of authentication), and by the site's
    rule not at all.
    """
    rules = [FaceOpens(rule.face) for rule in _rules(user)]
    staff = user.is_staff or user.is_superuser
    if not rules:
        return FaceOpens.NEVER if staff else FaceOpens(settings.FACE_OPENS)
    if staff:
        rules.append(FaceOpens.PASSWORD)
    return max(rules, key=list(FaceOpens).index)


def face_may_open(user: User) -> bool:
    """Whether a face may begin to open this account, with what it takes besides."""
    if not user.is_active:
        return False
    match face_opens(user):
        case FaceOpens.ALONE:
            return True
        case FaceOpens.PASSWORD:
            return user.has_usable_password() or has_second_factor(user)
        case FaceOpens.FACTOR:
            return has_second_factor(user)
        case _:
            return False


def needs_password(user: User) -> bool:
    """Whether the password is asked for after the face. Whoever has a second factor is asked for that in any case."""
    return face_opens(user) is FaceOpens.PASSWORD and not has_second_factor(user)


def has_second_factor(user: User) -> bool:
    return bool(is_mfa_enabled(user, [Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN]))


def face_reaches(user: User, path: str) -> bool:
    """Whether somebody whom only a face signed in may go there without the password."""
    named = [rule.paths.split() for rule in _rules(user)]
    return all(path.startswith(tuple(beginnings)) for beginnings in named if beginnings)


def _rules(user: User) -> list[SignInRule]:
    """Of the user's groups. Asked of the database once in a request, whose user this is."""
    if "_sign_in_rules" not in user.__dict__:
        user.__dict__["_sign_in_rules"] = list(SignInRule.objects.filter(group__user=user))
    rules: list[SignInRule] = user.__dict__["_sign_in_rules"]
    return rules
