"""Webhooks and brokers: who is told of events, what was sent to them, and what became of it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminPasswordWidget

from recognition.admin.base import Labelled, ReadOnlyAdmin, SiteAdmin, number_of
from recognition.models import Delivery, Webhook
from recognition.services import webhooks
from recognition.services.errors import Invalid
from recognition.services.wording import noted

STATES = {"on": "success", "fails": "danger", "off": "info", "delivered": "success", "given_up": "danger"}
STATES |= {"waits": "info", "tried_again": "warning"}
TYPES = [choice for choice in Webhook.Type.choices if choice[0] != Webhook.Type.TEST]


class WebhookForm(forms.ModelForm):
    types = forms.MultipleChoiceField(
        label=_("Is told that"), choices=TYPES, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )

    password = forms.CharField(
        label=_("Password"),
        required=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        help_text=_("Of that user. It is not shown again; left empty, the one that is kept stays."),
    )

    class Meta:
        model = Webhook
        fields = ("name", "url", "username", "types", "with_names", "active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance.pk:
            self.fields["password"].help_text = _("Of that user. It is not shown again.")

    def clean_url(self) -> str:
        url: str = self.cleaned_data["url"]
        try:
            webhooks.check_address(url)
        except Invalid as error:
            raise forms.ValidationError(str(error)) from None
        return url

    def clean(self) -> dict[str, Any]:
        """The password is not sent to another place than that for which it was given."""
        given: dict[str, Any] = super().clean() or self.cleaned_data
        moved = self.instance.pk and "url" in self.changed_data
        if moved and given.get("username") and self.initial.get("username") and not given.get("password"):
            self.add_error("password", _("The address is another: give the password again."))
        return given


@admin.register(Webhook)
class WebhookAdmin(SiteAdmin):
    form = WebhookForm
    list_display = ("name", "url", "state", "created_at")
    search_fields = ("name", "url")
    search_help_text = _("Name or address")
    actions_detail = ("test", "secret")
    fields = ("name", "url", "username", "password", "types", "with_names", "active", "told")
    readonly_fields = ("told",)

    @display(description=_("state"), label=STATES)
    def state(self, hook: Webhook) -> Labelled:
        if not hook.active:
            return Labelled("off", _("off"))
        return Labelled("fails", _("fails")) if hook.failing_since else Labelled("on", _("on"))

    @display(description=_("what was sent"), empty_value="–")
    def told(self, hook: Webhook) -> str | None:
        if hook.pk is None:
            return None
        page = reverse("admin:recognition_delivery_changelist")
        return format_html(
            '<a class="text-link" href="{}?webhook__id__exact={}">{}</a>', page, hook.pk, _("Deliveries")
        )

    def save_model(self, request: HttpRequest, obj: Webhook, form: Any, change: bool) -> None:
        if not change:
            self._show_secret(request, webhooks.new_secret(obj))
        if not obj.username:
            obj.password = ""
        elif password := form.cleaned_data["password"]:
            obj.password = password
        webhooks.save_webhook(obj)

    def _show_secret(self, request: HttpRequest, secret: str) -> None:
        self.message_user(request, _("Its secret, shown this once: %(secret)s") % {"secret": secret})

    @action(description=_("Send a test"), url_path="test", icon="send", permissions=["change"])
    def test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        hook = get_object_or_404(Webhook, pk=number_of(object_id))
        back = reverse("admin:recognition_webhook_change", args=[hook.pk])
        if request.method == "POST":
            sent = webhooks.send_test(hook)
            self.message_user(request, _("A worker sends it now. Reload this page in a moment."))
            return HttpResponseRedirect(reverse("admin:recognition_delivery_change", args=[sent.pk]))
        points = [_("A message without content goes to %(url)s, signed as all are.") % {"url": hook.url}]
        return self.confirm(
            request,
            title=_("Send a test to %(hook)s?") % {"hook": hook},
            button=_("Send"),
            back=back,
            points=points,
        )

    @action(description=_("New secret"), url_path="secret", icon="key", permissions=["change"])
    def secret(self, request: HttpRequest, object_id: str) -> HttpResponse:
        hook = get_object_or_404(Webhook, pk=number_of(object_id))
        back = reverse("admin:recognition_webhook_change", args=[hook.pk])
        if request.method == "POST":
            secret = webhooks.new_secret(hook)
            if self.attempt(request, lambda: webhooks.save_webhook(hook)):
                self._show_secret(request, secret)
                self.log_change(request, hook, noted("Gave it another secret."))
            return HttpResponseRedirect(back)
        points = [_("What is sent from now on is signed with it. The receiver has to know it first.")]
        return self.confirm(
            request,
            title=_("Give %(hook)s another secret?") % {"hook": hook},
            button=_("Make a new one"),
            back=back,
            points=points,
        )


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("created_at", "webhook", "type", "state", "attempts", "status", "milliseconds", "error")
    list_select_related = ("webhook",)
    list_filter = ("webhook", "type")
    fields = (
        "id",
        "webhook",
        "type",
        "subject",
        "created_at",
        "state",
        "attempts",
        "next_at",
        "status",
        "error",
    )
    readonly_fields = ("state",)
    actions_detail = ("again",)
    show_full_result_count = False

    @display(description=_("state"), label=STATES)
    def state(self, delivery: Delivery) -> Labelled:
        if delivery.delivered_at:
            return Labelled("delivered", _("delivered"))
        if delivery.next_at is None:
            return Labelled("given_up", _("given up"))
        return Labelled("tried_again", _("tried again")) if delivery.error else Labelled("waits", _("waits"))

    def has_again_permission(self, request: HttpRequest, object_id: object = None) -> bool:
        return bool(request.user.has_perm("recognition.change_webhook"))

    @action(description=_("Try again"), url_path="again", icon="replay", permissions=["again"])
    def again(self, request: HttpRequest, object_id: str) -> HttpResponse:
        delivery = get_object_or_404(Delivery.objects.select_related("webhook"), pk=object_id)
        back = reverse("admin:recognition_delivery_change", args=[delivery.pk])
        if request.method == "POST":
            self.attempt(request, lambda: webhooks.try_again(delivery), _("A worker tries it now."))
            return HttpResponseRedirect(back)
        return self.confirm(request, title=_("Send this again?"), button=_("Send"), back=back)
