"""A report as JSON, in and out. What is not listed here does not leave."""

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from findings.api.fields import (
    InstantField,
    NhsNumberField,
    a_possible_birth,
    not_in_the_future,
)
from findings.arrivals import (
    ArrivingIdentifier,
    ArrivingPatient,
    ArrivingPerson,
    ArrivingReport,
    ArrivingStatus,
    LanguageNeed,
)
from findings.models import Patient, Person, Receipt, Report, ReportStatus
from findings.postcodes import squeezed
from findings.services.filing import LONGEST_ACCESSION
from findings.services.identity import LONGEST_IDENTIFIER

LONGEST_TEXT = 200_000
MOST_IDENTIFIERS = 20


def _words(longest: int, **kwargs: Any) -> serializers.CharField:
    """Optional words; empty when they are left out."""
    return serializers.CharField(
        max_length=longest, required=False, allow_blank=True, default="", **kwargs
    )


class IdentifierSerializer(serializers.Serializer):
    """A hospital number and whose it is."""

    value = serializers.CharField(max_length=LONGEST_IDENTIFIER)
    authority = serializers.CharField(max_length=LONGEST_IDENTIFIER)
    type = _words(20)


class ArrivingPatientSerializer(serializers.Serializer):
    """Whom the report is about. A number is needed: names identify nobody."""

    nhs_number = NhsNumberField(required=False, allow_blank=True, default="")
    identifiers = IdentifierSerializer(  # type: ignore[call-arg]
        many=True, required=False, default=list, max_length=MOST_IDENTIFIERS
    )
    family_name = serializers.CharField(max_length=120)
    given_name = _words(120)
    birth_date = serializers.DateField(
        required=False, allow_null=True, default=None, validators=[a_possible_birth]
    )
    sex = serializers.ChoiceField(
        choices=Patient.Sex.choices, required=False, default=Patient.Sex.UNKNOWN.value
    )
    # Of these measures keep how deprived a place is, and a need: docs/adr/0053.
    postcode = _words(10, help_text="Where they live now; a mark of it is kept, never the postcode")
    language = _words(40, help_text="A code: en, pl, bfi. Kept as English, or another")
    interpreter_needed = serializers.BooleanField(required=False, allow_null=True, default=None)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["nhs_number"] and not attrs["identifiers"]:
            raise serializers.ValidationError(
                {"nhs_number": "Give the NHS number, or an identifier with its authority."},
                code="required",
            )
        return attrs


class ArrivingPersonSerializer(serializers.Serializer):
    """A clinician, found by professional code."""

    code = _words(20)
    family_name = _words(60)
    given_name = _words(60)


class ArrivingReportSerializer(serializers.Serializer):
    """One report of one examination."""

    accession = serializers.CharField(max_length=LONGEST_ACCESSION)
    status = serializers.ChoiceField(choices=ReportStatus.choices)
    reported_at = InstantField(validators=[not_in_the_future])
    text = serializers.CharField(
        max_length=LONGEST_TEXT, allow_blank=True, trim_whitespace=False, required=False, default=""
    )
    patient = ArrivingPatientSerializer()
    modality = _words(16)
    examination_code = _words(60)
    examination_description = _words(200)
    performed_at = InstantField(
        required=False, allow_null=True, default=None, validators=[not_in_the_future]
    )
    requester = ArrivingPersonSerializer(required=False, default=dict)
    reporter = ArrivingPersonSerializer(required=False, default=dict)
    requesting_location = _words(160)
    site = _words(120, help_text="ODS code or name of the site; empty: the sender's own")

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if not attrs["text"].strip() and attrs["status"] != ReportStatus.WITHDRAWN:
            raise serializers.ValidationError({"text": "A report needs words."}, code="required")
        return attrs


def arriving_from(given: dict[str, Any], reporter: Person | None) -> ArrivingReport:
    """What was sent, as every way in hands it on. `reporter` writes it now, whatever was sent."""
    patient = dict(given["patient"])
    identifiers = tuple(ArrivingIdentifier(**one) for one in patient.pop("identifiers"))
    need = LanguageNeed.of(patient.pop("language"), patient.pop("interpreter_needed"))
    patient |= {"postcode": squeezed(patient["postcode"]), "language_need": need}
    writes = arriving_person(reporter) if reporter else ArrivingPerson(**given["reporter"])
    same = ("accession", "reported_at", "text", "modality", "examination_code")
    more = ("examination_description", "performed_at", "requesting_location")
    return ArrivingReport(
        **{name: given[name] for name in (*same, *more)},
        status=ArrivingStatus(given["status"]),
        patient=ArrivingPatient(**patient, identifiers=identifiers),
        requester=ArrivingPerson(**given["requester"]),
        reporter=writes,
        site_code=given["site"],
    )


def arriving_person(person: Person) -> ArrivingPerson:
    """Somebody of our directory, as a message would name them."""
    return ArrivingPerson(
        code=person.professional_code,
        family_name=person.family_name,
        given_name=person.given_name,
    )


class PatientSerializer(serializers.ModelSerializer):
    """Whom it is about, as far as a reader needs to know."""

    nhs_number = serializers.CharField(allow_null=True)

    class Meta:
        model = Patient
        fields = ["nhs_number", "family_name", "given_name", "birth_date", "sex"]


class ReportSummarySerializer(serializers.ModelSerializer):
    """A version of a report, without its words."""

    id = serializers.UUIDField(source="public_id")
    examination = serializers.UUIDField(source="examination.public_id")
    accession = serializers.CharField(source="examination.accession")
    description = serializers.CharField(source="examination.title")
    site = serializers.CharField(source="examination.site.ods_code")
    patient = PatientSerializer(source="examination.patient")
    is_current = serializers.SerializerMethodField()

    class Meta:
        model = Report
        fields = [
            "id",
            "examination",
            "accession",
            "description",
            "site",
            "patient",
            "version",
            "status",
            "reported_at",
            "received_at",
            "is_current",
        ]

    @extend_schema_field(bool)
    def get_is_current(self, report: Report) -> bool:
        """Whether it is the version to read now."""
        return report.pk == report.examination.current_report_id


class ReportSerializer(ReportSummarySerializer):
    """A version of a report, with its words and what to know about them."""

    notices = serializers.ListField(child=serializers.CharField())

    class Meta(ReportSummarySerializer.Meta):
        fields = [*ReportSummarySerializer.Meta.fields, "text", "notices"]


class FiledSerializer(serializers.Serializer):
    """What became of a report that was sent. Nothing of it is repeated."""

    outcome = serializers.ChoiceField(choices=Receipt.Outcome.choices)
    id = serializers.UUIDField(source="report.public_id")
    version = serializers.IntegerField(source="report.version")
    notices = serializers.ListField(source="report.notices", child=serializers.CharField())
