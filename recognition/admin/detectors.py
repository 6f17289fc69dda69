"""Which detector finds faces: what was measured of those installed, a choice that counts at once, earlier choices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext

from recognition.admin.base import ReadOnlyAdmin
from recognition.engine.types import ModelFileError, ModelSpec
from recognition.models import DetectorChoice
from recognition.services import analysis
from recognition.services.thresholds import active_policy, other_detector
from recognition.services.wording import decimal, percent

PAGE = "admin:recognition_detectorchoice_changelist"
EARLIER = 20  # choices shown


@dataclass(frozen=True, slots=True)
class Offered:
    spec: ModelSpec
    used: bool
    points: list[str]


@admin.register(DetectorChoice)
class DetectorChoiceAdmin(ReadOnlyAdmin):
    def has_choose_permission(self, request: HttpRequest) -> bool:
        """Django's right to add a choice."""
        return bool(request.user.has_perm("recognition.add_detectorchoice"))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        self.demand(self.has_view_permission(request))
        try:
            used = analysis.detector_in_use()
            specs = analysis.installed_detectors()
        except ModelFileError as error:
            self.message_user(request, str(error), messages.ERROR)
            return HttpResponseRedirect(reverse("admin:index"))
        if request.method == "POST":
            return self._choose(request, used.name)
        version = analysis.active_model()
        counts = analysis.detectors_of_photos(version)
        return self.page(
            request,
            "admin/recognition/model/detector.html",
            gettext("Detector"),
            used=used,
            pinned=used.because == analysis.Because.ENVIRONMENT,
            offered=[Offered(spec, spec.name == used.name, points_of(spec)) for spec in specs],
            others={name: n for name, n in counts.items() if name not in ("", used.name)},
            unknown=counts.get("", 0),
            policy_note=other_detector(active_policy(version)),
            choices=DetectorChoice.objects.select_related("by")[:EARLIER],
            may_install=request.user.has_perms(
                ["recognition.view_modelversion", "recognition.add_modelchange"]
            ),
            may_choose=self.has_choose_permission(request),
        )

    def _choose(self, request: HttpRequest, used: str) -> HttpResponse:
        self.demand(self.has_choose_permission(request))
        name = request.POST.get("detector", "")
        back = reverse(PAGE)
        if "sure" not in request.POST:
            names = {"name": name, "used": used}
            return self.confirm(
                request,
                title=gettext("Find faces by %(name)s?") % names,
                button=gettext("Use it"),
                back=back,
                points=[
                    gettext(
                        "It counts from the next request on, in every process; cameras follow within seconds."
                    ),
                    gettext(
                        "Photos that are enrolled stay as %(used)s found them. Two detectors place the eyes, nose and"
                        " mouth a little differently, so faces are a little less alike than before: some people may"
                        " have to try again."
                    )
                    % names,
                    gettext(
                        "The thresholds stay, too. Calibrate afterwards: they say how alike two faces have to be."
                    ),
                    gettext("Choosing the one before undoes it, as fast."),
                ],
                hidden={"detector": name, "sure": "yes"},
            )
        self.attempt(
            request,
            lambda: analysis.choose_detector(name, user_id=request.user.pk),
            gettext("%(name)s finds faces from the next request on.") % {"name": name},
        )
        return HttpResponseRedirect(back)


def points_of(spec: ModelSpec) -> list[str]:
    """What the manifest says was measured of it, good and bad, in sentences."""
    accuracy: Mapping[str, Any] = spec.accuracy
    points = []
    if recall := accuracy.get("wider_face_recall"):
        figures = {
            "large": percent(recall["over 64 px"], 0),
            "middle": percent(recall["32-64 px"], 0),
            "small": percent(recall["16-32 px"], 0),
            "wrong": recall["false_boxes_a_picture"],
        }
        points.append(
            gettext(
                "Of crowded pictures (WIDER FACE) it finds %(large)s of the faces over 64 pixels, %(middle)s of those"
                " of 32 to 64 and %(small)s of those of 16 to 32, with %(wrong)s wrong boxes a picture."
            )
            % figures
        )
    for kind, name, of in (
        ("portraits_without_a_face", "missed", "of"),
        ("lfw", "without_a_face", "photographs"),
    ):
        if misses := accuracy.get(kind):
            said = gettext("It misses the face in %(missed)s of %(count)s portraits.")
            points.append(said % {"missed": misses[name], "count": f"{misses[of]:,}"})
    published: Mapping[str, Any] = accuracy.get("published") or {}
    if precision := published.get("wider_face_ap"):
        said = gettext("Its publisher names, on WIDER FACE, average precisions of %(figures)s.")
        points.append(said % {"figures": ", ".join(decimal(value, 3) for value in precision.values())})
    if not points:
        points.append(gettext("Nothing was measured of it here. Measure it before you choose it: evaluate."))
    refined = spec.settings.get("refine", True)
    points.append(
        gettext("Its eyes, nose and mouth are weak; a second network, the refiner, places them anew.")
        if refined
        else gettext("Its eyes, nose and mouth are good enough to align faces by, without the refiner.")
    )
    return points
