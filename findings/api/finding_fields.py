"""A finding and its answers as JSON. What is not listed here does not leave."""

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from findings.api.report_fields import PatientSerializer
from findings.models import Clock, Event, Finding, Question
from findings.presenters.answering import last_decision
from findings.presenters.tellings import TELLINGS, telling

LONGEST_ANSWER = 2_000


class FindingSummarySerializer(serializers.ModelSerializer):
    """A finding as a list shows it."""

    category = serializers.CharField(source="category.code")
    site = serializers.CharField(source="site.ods_code")
    owner = serializers.SerializerMethodField()
    team = serializers.CharField(source="team.name")
    patient = PatientSerializer(source="examination.patient")
    accession = serializers.CharField(source="examination.accession")
    # The nearest limit that whoever holds it has to keep; empty when the finding has ended.
    due_at = serializers.DateTimeField(allow_null=True)

    class Meta:
        model = Finding
        fields = [
            "reference",
            "state",
            "category",
            "site",
            "description",
            "recommended_action",
            "recommended_on",
            "owner",
            "team",
            "patient",
            "accession",
            "flagged_at",
            "due_at",
        ]

    @extend_schema_field(str)
    def get_owner(self, finding: Finding) -> str:
        """The one person or team that holds it now."""
        return str(finding.owner)


class ClockSerializer(serializers.ModelSerializer):
    """A promise that runs."""

    policy = serializers.CharField(source="rule")
    # Of the promise in whose stead it was made, as when the category changed.
    replaces_due_at = serializers.DateTimeField(source="replaces.due_at", default=None)

    class Meta:
        model = Clock
        fields = ["kind", "due_at", "policy", "replaces_due_at", "later_because"]


class ToldSerializer(serializers.Serializer):
    """Who was told in one go, and as what: by a step of a ladder, by news, or by telephone."""

    at = serializers.DateTimeField()
    # Whose place it was to hear: "owner", "coordinator"; "telephone" for a call.
    role = serializers.CharField()
    why = serializers.CharField()
    people = serializers.ListField(child=serializers.CharField())


class QuestionSerializer(serializers.ModelSerializer):
    """A question to the radiologist, and the answer once there is one."""

    asked_by = serializers.CharField()
    answered_by = serializers.CharField(allow_null=True)
    # Of the trust, where it keeps one and the answer is still awaited.
    due_at = serializers.SerializerMethodField()

    class Meta:
        model = Question
        fields = [
            "text",
            "asked_by",
            "asked_at",
            "due_at",
            "answer",
            "answered_by",
            "answered_at",
        ]

    @extend_schema_field(serializers.DateTimeField(allow_null=True))
    def get_due_at(self, question: Question) -> Any:
        """Until when it is to be answered."""
        clock = question.running_clock
        return clock.due_at if clock else None


class FindingSerializer(FindingSummarySerializer):
    """One finding with its report and its answers."""

    primary_site = serializers.CharField()
    report = serializers.UUIDField(source="report.public_id")
    report_version = serializers.IntegerField(source="report.version")
    report_text = serializers.CharField(source="report.text")
    flagged_by = serializers.CharField()
    acknowledged_by = serializers.CharField(allow_null=True)
    # The day by which whoever acknowledged it will have done what they plan.
    plan_by = serializers.DateField(allow_null=True)
    clocks = serializers.SerializerMethodField()
    told = serializers.SerializerMethodField()
    questions = serializers.SerializerMethodField()
    seen = serializers.SerializerMethodField()

    class Meta(FindingSummarySerializer.Meta):
        fields = [
            *FindingSummarySerializer.Meta.fields,
            "primary_site",
            "report",
            "report_version",
            "report_text",
            "flagged_by",
            "acknowledged_at",
            "acknowledged_by",
            "plan",
            "plan_by",
            "patient_told_at",
            "closed_at",
            "outcome",
            "clocks",
            "told",
            "questions",
            "seen",
        ]

    @extend_schema_field(ClockSerializer(many=True))
    def get_clocks(self, finding: Finding) -> Any:
        """What is promised now, and why a limit is not the category's own."""
        running = finding.clocks.running()
        return ClockSerializer(running.select_related("rule", "replaces"), many=True).data

    @extend_schema_field(ToldSerializer(many=True))
    def get_told(self, finding: Finding) -> Any:
        """Who has been told, the earliest first: what the timeline says, and no more."""
        said = finding.events.filter(kind__in=TELLINGS).select_related("by").order_by("number")
        return ToldSerializer([one for event in said if (one := telling(event))], many=True).data

    @extend_schema_field(QuestionSerializer(many=True))
    def get_questions(self, finding: Finding) -> Any:
        """Asked of the radiologist about it, the earliest first."""
        asked = finding.questions.select_related("asked_by", "answered_by")
        return QuestionSerializer(asked.prefetch_related("clocks"), many=True).data

    @extend_schema_field(int)
    def get_seen(self, finding: Finding) -> int:
        """The number of the newest decision: send it with an answer, which is then refused if
        something was decided meanwhile."""
        return last_decision(finding)


class EventSerializer(serializers.ModelSerializer):
    """One line of the timeline."""

    by = serializers.SerializerMethodField()
    details = serializers.SerializerMethodField()

    class Meta:
        model = Event
        fields = ["number", "kind", "at", "by", "details", "hash"]

    @extend_schema_field(str)
    def get_by(self, event: Event) -> str:
        """Empty: the system itself."""
        return str(event.by) if event.by else ""

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_details(self, event: Event) -> dict[str, Any]:
        """What the event says, by its kind."""
        return event.data


class AcknowledgeSerializer(serializers.Serializer):
    """Mine, and this is my plan. Without `seen` its person must have read the finding since its
    report changed. One that comes too late is kept in the timeline, and changes nothing."""

    plan = serializers.CharField(max_length=LONGEST_ANSWER)
    seen = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)


class DeclineSerializer(serializers.Serializer):
    """Not mine, because."""

    because = serializers.CharField(max_length=LONGEST_ANSWER)
    to = serializers.CharField(
        max_length=20,
        required=False,
        allow_blank=True,
        default="",
        help_text="Professional code of the right owner; empty: the ladder climbs at once",
    )
    seen = serializers.IntegerField(required=False, min_value=0, max_value=2**31 - 1)
