"""Which thresholds are in force: storing, activating, rolling back, and following the number of people."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext

from recognition.engine.measures.thresholds import Tail
from recognition.models import Embedding, Identity, ModelChange, ModelVersion, ThresholdPolicy
from recognition.services.analysis import active_model, get_analyzer
from recognition.services.errors import Conflict, NotFound
from recognition.services.thresholds.policies import active_policy
from recognition.services.wording import decimal, one_in

log = logging.getLogger(__name__)

# A raised threshold is good for so many more people, so that it need not follow every single one.
ROOM = 1.1
MOST_FMR = 1.01e-4  # for signing in: one in 10,000, with room for rounding


def store_policy(
    values: dict[str, Any], *, user_id: int | None = None, version: ModelVersion | None = None
) -> ThresholdPolicy:
    """Keep a policy without putting it in force. values: as `calibration.Proposal.as_dict`."""
    return ThresholdPolicy.objects.create(
        model_version=version or active_model(), active=False, created_by_id=user_id, **values
    )


def activate(policy: ThresholdPolicy, *, user_id: int | None = None) -> ThresholdPolicy:
    """Put the policy in force from the next request on; that of a model to come, from the switch to it on.

    Raises Conflict when it belongs to a model that is neither in use nor to come.
    """
    with transaction.atomic():
        version = _locked(policy.model_version_id)
        if not version.active and not _to_come(version):
            raise Conflict(
                "other_model",
                gettext("The policy is for %(model)s, which is neither in use nor to come.")
                % {"model": version.name},
            )
        chosen = version.policies.filter(pk=policy.pk).first()
        if chosen is None:
            raise NotFound("unknown_policy", gettext("There is no such policy any more."))
        before = version.policies.filter(active=True).first()
        if before is not None and before.pk == chosen.pk:
            return chosen
        version.policies.filter(active=True).update(active=False)
        chosen.active = True
        chosen.activated_by_id = user_id
        chosen.activated_at = timezone.now()
        chosen.replaces = before
        chosen.save(update_fields=["active", "activated_by", "activated_at", "replaces"])
    log.info("threshold policy %s is in force instead of %s", chosen.pk, before.pk if before else None)
    return chosen


def roll_back(*, user_id: int | None = None, expected: int | None = None) -> ThresholdPolicy:
    """Put the policy back in force that the present one replaced.

    expected: the only one that may come of it. Raises Conflict when it would be another, or when there is none.
    """
    with transaction.atomic():
        present = active_policy(_locked(active_model().pk))
        before = present.replaces
        if before is None:
            raise Conflict("nothing_before", gettext("No other policy was in force before this one."))
        if expected is not None and before.pk != expected:
            if present.pk == expected:
                raise Conflict(
                    "in_force", gettext("Policy %(number)s is in force already.") % {"number": expected}
                )
            text = gettext(
                "Going back would now put policy %(number)s in force. Look at it first, then confirm again."
            ) % {"number": before.pk}
            raise Conflict("changed", text)
        return activate(before, user_id=user_id)


@dataclass(frozen=True, slots=True)
class Growth:
    """What the number of people does to a policy.

    people: enrolled now. expected_fpir: how likely a stranger is taken for one of them at the present threshold.
    needed: 1:N threshold that keeps the policy's FPIR. beyond: needed lies beyond what was measured.
    All but ``people`` are None when the policy was not measured.
    """

    people: int
    expected_fpir: float | None = None
    needed: float | None = None
    beyond: bool = False
    threshold: float = 0.0

    @property
    def too_loose(self) -> bool:
        return self.needed is not None and self.needed > self.threshold


def growth(policy: ThresholdPolicy) -> Growth:
    people = enrolled_people(policy.model_version)
    tail = policy_tail(policy)
    if tail is None or not policy.fpir:
        return Growth(people, threshold=policy.identify_threshold)
    needed, beyond = tail.for_gallery(policy.fpir, people)
    expected = min(1.0, people * tail.rate(policy.identify_threshold))
    return Growth(people, expected, needed, beyond, policy.identify_threshold)


def threshold_among(policy: ThresholdPolicy, people: int) -> float:
    """The 1:N threshold that keeps the policy's FPIR among so many; never less than the one in force, which it is where
    nothing was measured."""
    tail = policy_tail(policy)
    if tail is None or not policy.fpir:
        return float(policy.identify_threshold)
    return max(float(policy.identify_threshold), tail.for_gallery(policy.fpir, max(1, people))[0])


def follow_growth() -> ThresholdPolicy | None:
    """Raise the 1:N threshold when more people are enrolled than it is good for. It is never lowered.

    Returns the new policy, which is in force, or None when nothing had to be done.
    """
    with transaction.atomic():
        version = _locked(active_model().pk)
        policy = active_policy(version)
        found = growth(policy)
        tail = policy_tail(policy)
        if not found.too_loose or tail is None or policy.fpir is None:
            return None
        people = math.ceil(found.people * ROOM)
        threshold, beyond = tail.for_gallery(policy.fpir, people)
        identify = dict(policy.measurements.get("identify", {}))
        identify |= {"people": people, "needed_fmr": policy.fpir / people, "beyond": beyond, "interval": None}
        raised = ThresholdPolicy.objects.create(
            model_version=version,
            verify_threshold=policy.verify_threshold,
            identify_threshold=threshold,
            margin=policy.margin,
            fmr=policy.fmr,
            fpir=policy.fpir,
            source=_raised_source(policy.source, people),
            measurements={**policy.measurements, "identify": identify, "raised_from": policy.pk},
        )
        log.warning(
            "%s people are enrolled: 1:N threshold raised from %s to %s",
            found.people,
            policy.identify_threshold,
            threshold,
        )
        return activate(raised)


def in_words(policy: ThresholdPolicy) -> dict[str, float | None]:
    """How often the policy errs, each kind of error in words; None for what was not measured."""
    found, grown = policy.measurements, growth(policy)
    identify = found.get("identify", {})
    return {
        gettext("Genuine people who look into a camera and have to try again"): identify.get("fnir"),
        gettext("Strangers who are taken for one of the %(people)s enrolled people")
        % {"people": grown.people}: grown.expected_fpir,
        gettext("Genuine people who say who they are and are refused"): found.get("verify", {}).get("fnmr"),
        gettext("People who say that they are somebody else and are believed"): policy.fmr,
    }


def warnings(policy: ThresholdPolicy) -> list[str]:
    """What to think of before this policy is put in force."""
    found = []
    mirrored = policy.measurements.get("mirrored")
    if mirrored is not None and mirrored != get_analyzer().embedder_of(policy.model_version).mirrored:
        found.append(
            gettext("It was measured with the mirrored view, which the site does otherwise.")
            if mirrored
            else gettext("It was measured without the mirrored view, which the site does otherwise.")
        )
    if reason := other_detector(policy):
        found.append(reason)
    grown = growth(policy)
    if grown.too_loose:
        found.append(
            gettext(
                "%(people)s people are enrolled, and for them its 1:N threshold is too low. Within minutes it will "
                "be followed by a policy with at least %(needed)s."
            )
            % {"people": grown.people, "needed": decimal(grown.needed or 0.0, 4)}
        )
    if not policy.is_measured:
        found.append(
            gettext(
                "It was not measured here: nobody knows which errors it allows. Measure your own photos: calibrate."
            )
        )
    if grown.needed is None:
        found.append(
            gettext("It was not measured, so its 1:N threshold does not follow the number of people.")
        )
    if policy.fmr and policy.fmr > MOST_FMR:
        found.append(
            gettext(
                "It believes %(share)s who claim to be somebody else. For signing in one in 10,000 is the "
                "most that is advised (NIST SP 800-63B)."
            )
            % {"share": one_in(policy.fmr)}
        )
    for kind, title in (("verify", "1:1"), ("identify", "1:N")):
        if policy.measurements.get(kind, {}).get("beyond"):
            found.append(gettext("Its %(kind)s threshold lies beyond what was measured.") % {"kind": title})
    return found


def other_detector(policy: ThresholdPolicy) -> str:
    """That it was measured on faces that another detector found than the one in use; empty where it was not, or where
    nobody noted it."""
    used = get_analyzer().detector_spec.name
    measured = policy.measurements.get("detectors") or [used]
    if used in measured:
        return ""
    said = gettext("It was measured on faces that %(measured)s found. Now it is %(used)s.")
    return said % {"measured": ", ".join(measured), "used": used}


def enrolled_people(version: ModelVersion) -> int:
    """How many people a search with this model meets."""
    enrolled = Embedding.objects.filter(model_version=version, identity__status=Identity.Status.ACTIVE)
    return enrolled.values("identity").distinct().count()


def policy_tail(policy: ThresholdPolicy) -> Tail | None:
    stored = policy.measurements.get("tail")
    return Tail.from_dict(stored) if stored else None


def _raised_source(source: str, people: int) -> str:
    plain = source.split(" (raised for ")[0]
    return f"{plain[:160]} (raised for {people} people)"


def _to_come(version: ModelVersion) -> bool:
    """Whether a change to this model is open."""
    return ModelChange.objects.filter(target=version, state__in=ModelChange.OPEN).exists()


def _locked(version_id: int) -> ModelVersion:
    return ModelVersion.objects.select_for_update(no_key=True).get(pk=version_id)
