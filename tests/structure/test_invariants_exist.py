"""Every promise that the database itself keeps is there, by name, after the migrations.

A constraint that a later migration drops by accident would not fail any behaviour test that never
tries the forbidden thing; it fails here.
"""

import pytest
from django.apps import apps
from django.db import connection, models

from findings.models import APPEND_ONLY

pytestmark = pytest.mark.django_db

CONSTRAINTS = {
    # 1. A report version received twice; an accession shared by two patients.
    "findings_report": {"report_version_is_received_once", "report_content_is_received_once"},
    "findings_document": {
        "document_has_its_number",
        "document_is_neither_empty_nor_too_large",
        "media_type_of_document_is_known",
    },
    "findings_reportidentifier": {
        "report_identifier_is_one_examination",
        "report_identifier_is_never_empty",
    },
    "findings_examination": {
        "accession_is_one_examination",
        "accession_is_never_empty",
        "setting_of_examination_is_known",
    },
    # 2 and 3. States, paired columns, order of times, one owner.
    "findings_finding": {
        "state_is_known",
        "exactly_one_owner",
        "acknowledged_says_when_who_and_plan",
        "planned_day_has_a_plan",
        "who_told_the_patient_told_them",
        "acknowledged_states_are_acknowledged",
        "closed_says_when_who_and_outcome",
        "withdrawn_says_when_who_and_why",
        "patient_told_says_when_who_and_how",
        "not_telling_the_patient_has_a_reason",
        "times_are_in_order",
    },
    "findings_paperschedule": {
        "list_is_of_a_team",
        "paper_comes_each_week_month_or_quarter",
    },
    "findings_paperready": {"paper_is_ready_once", "paper_ends_after_it_begins"},
    # 4. Event numbers.
    "findings_event": {"event_number_is_used_once"},
    # 5. Clocks.
    "findings_clock": {
        "clock_kind_is_known",
        "clock_is_due_after_it_starts",
        "stopped_clock_says_when_and_why",
        "only_a_clock_that_replaces_one_is_later",
        "answer_is_promised_of_a_question",
        "each_subject_has_promises_of_its_own",
    },
    # 6. Steps.
    "findings_step": {
        "step_never_fires_early",
        "step_is_never_fired_and_cancelled",
        "step_only_moves_nearer",
        "only_a_step_of_a_ladder_waits",
        "step_is_of_one_thing",
    },
    # 7. Notifications.
    "notifications_notification": {
        "one_notification_a_step_and_route",
        "notification_is_of_one_thing",
        "notification_status_is_known",
        "sending_has_a_lease",
        "sent_says_when",
    },
    "notifications_deliveryattempt": {"attempt_number_is_used_once"},
    "notifications_deliveryreceipt": {"receipt_counts_once_an_attempt"},
    "notifications_route": {"route_is_listed_once", "code_says_when_it_was_sent"},
    "findings_nationalrecommendation": {"recommendation_that_was_read_has_words"},
    "findings_recommendationstanding": {
        "status_of_a_recommendation_is_known",
        "not_applicable_has_a_reason",
    },
    "findings_policydraft": {
        "withdrawn_draft_says_when_who_and_why",
        "draft_is_signed_or_withdrawn",
    },
    "findings_draftversion": {"draft_version_is_saved_once", "draft_says_what_it_is_for"},
    "findings_draftsignature": {
        "draft_is_signed_once_in_a_capacity",
        "draft_is_signed_by_two_people",
        "capacity_of_a_signature_is_known",
        "draft_signature_has_a_title",
    },
    "findings_labreplay": {"replay_ends_after_it_begins"},
    "findings_labrun": {"lab_run_ends_with_a_replay_or_with_why_not"},
    "findings_replayedcase": {"case_is_replayed_once"},
    "notifications_wording": {
        "wording_version_is_written_once",
        "wording_has_every_part_or_none",
        "wording_is_of_a_step_of_a_finding",
    },
    "findings_leave": {
        "leave_ends_not_before_it_starts",
        "nobody_is_their_own_deputy",
        "leave_of_one_person_does_not_overlap",
    },
    "findings_categorychange": {
        "category_changes_to_another",
        "category_change_has_a_reason",
    },
    "findings_category": {"urgent_categories_are_never_held"},
    "findings_directorychange": {
        "directory_change_says_what_was_and_what_is",
        "directory_change_is_about_somebody",
    },
    "findings_rating": {"rating_is_known"},
    "findings_circumstances": {"language_need_is_known", "circumstances_say_when"},
    "findings_deprivationindex": {"index_has_a_name"},
    "findings_postcodedecile": {
        "postcode_has_one_decile",
        "decile_is_from_1_to_10",
        "mark_is_never_empty",
    },
    "findings_linkkey": {"ended_link_key_says_when_and_who"},
    "findings_phonecall": {
        "call_says_what_was_said",
        "call_says_who_was_spoken_to",
        "only_somebody_known_takes_it_on_by_telephone",
        "call_is_recorded_after_it_was_made",
    },
    "findings_handover": {
        "offer_goes_to_one_person_or_team",
        "offer_has_a_reason",
        "ended_offer_says_when_and_how",
        "refused_offer_has_a_reason",
        "a_person_ends_an_offer_unless_it_is_overtaken",
    },
    "findings_theme": {"theme_is_there_once", "theme_says_what_and_whence"},
    "findings_cause": {"cause_is_there_once", "cause_says_what_and_whence"},
    "findings_review": {
        "review_is_of_a_finding_or_an_examination",
        "breach_is_of_something",
        "somebody_raises_what_is_no_breach_and_says_what_happened",
        "only_a_breach_can_be_none",
        "concluded_review_says_when_who_and_what",
        "candour_counts_from_when_harm_was_known",
    },
    "findings_reviewcause": {
        "only_what_was_suggested_is_no_cause",
        "undone_cause_says_when_and_why",
    },
    "findings_candourstep": {
        "candour_step_is_known",
        "undone_candour_step_says_when_and_why",
    },
    "findings_reviewnote": {"note_says_something"},
    "findings_reviewchange": {"review_change_says_what_was_and_what_is"},
    "findings_improvement": {
        "improvement_says_what_and_by_which_measure",
        "ended_improvement_says_when_who_and_how",
        "only_what_was_done_is_checked_and_it_says_whether_it_worked",
    },
    "findings_improvementchange": {"improvement_goes_to_somebody_else_with_a_reason"},
    "findings_meeting": {"meeting_kind_is_known", "closed_record_says_when_who_and_what"},
    "findings_case": {"case_taken_off_says_by_whom"},
    "findings_attendance": {"undone_attendance_says_by_whom"},
    "findings_learningpoint": {
        "point_says_what_and_to_whom",
        "point_is_shared_with_known_roles",
        "withdrawn_point_says_when_who_and_why",
    },
    "findings_readreceipt": {"point_is_read_once_by_each"},
    "findings_learningrule": {
        "learning_rule_number_is_used_once",
        "candour_limit_is_at_least_a_day",
    },
    "findings_shiftsheet": {
        "shifts_follow_each_other",
        "taken_shift_says_when_and_who",
        "nobody_takes_over_from_themselves",
    },
    "findings_question": {
        "question_says_what",
        "answered_question_says_when_who_and_what",
    },
    "findings_patient": {"patient_is_not_merged_into_itself"},
    "findings_patientmerge": {
        "merge_is_of_two_records",
        "merge_has_a_reason",
        "undone_merge_says_when_and_why",
    },
    "findings_proposal": {
        "proposal_is_due_not_before_it_was_made",
        "ended_proposal_says_when_and_how",
        "flagged_proposal_names_its_finding",
        "somebody_rejects_a_proposal_with_a_reason",
    },
    "findings_noreport": {
        "no_report_has_a_reason",
        "undone_no_report_says_when_and_why",
    },
    "findings_patientchange": {
        "change_of_patient_is_known",
        "change_of_patient_has_happened",
        "undone_change_of_patient_says_when_and_why",
    },
    "findings_pause": {
        "somebody_pauses_unless_the_patient_died",
        "pause_has_a_reason",
        "pause_ends_after_it_starts",
        "snooze_never_passes_its_limit",
        "pause_is_ended_after_it_starts",
    },
    "findings_recommendation": {
        "recommendation_says_what",
        "ended_recommendation_says_when_who_and_how",
        "recommendation_done_here_names_its_examination",
        "recommendation_not_done_here_says_why",
    },
    "findings_proposedmatch": {"match_is_proposed_once", "refused_match_says_when_and_who"},
    "findings_bankholiday": {"one_bank_holiday_a_day", "bank_holiday_has_name_and_source"},
    "findings_post": {"post_has_a_name", "post_stands_for_a_duty", "post_name_is_its_own"},
    "findings_rotaentry": {
        "rota_entry_ends_after_it_starts",
        "rota_entries_of_one_post_do_not_overlap",
    },
    "findings_rotachange": {"rota_change_says_what_was_and_what_is"},
    "findings_routingrule": {
        "last_routing_rule_is_for_everything",
        "routing_rule_says_for_what",
        "routing_rule_is_there_once",
    },
    "findings_routingchange": {"routing_change_says_what_was_and_what_is"},
    "findings_unroutable": {
        "unroutable_says_why",
        "unroutable_is_mended_after_it_began",
        "unroutable_is_of_one_thing",
    },
    "findings_receipt": {
        "part_has_one_receipt",
        "held_says_why_and_what_to_do",
        "refused_says_why",
        "held_item_with_an_alert_code_has_a_limit",
        "receipt_leads_to_what_it_made",
    },
    "findings_repair": {"repair_chooses_one_thing"},
    "findings_sender": {
        "sender_has_its_own_accessions_or_anothers",
        "silence_of_sender_is_known",
    },
    "findings_senderchange": {"sender_change_says_what_was_and_what_is"},
}
# Partial unique constraints are indexes in PostgreSQL.
INDEXES = {
    "replay_is_asked_for_once_at_a_time",
    "one_review_of_the_breaches_of_a_finding",
    "one_review_of_the_breaches_of_an_examination",
    "cause_is_found_once_in_a_review",
    "candour_step_is_taken_once",
    "one_running_clock_of_an_improvement",
    "case_is_on_an_agenda_once",
    "somebody_attends_once",
    "name_of_a_view_is_used_once",
    "one_running_clock_of_a_kind",
    "paper_is_wanted_once",
    "one_running_clock_of_an_examination",
    "one_running_clock_of_a_question",
    "one_open_offer_a_finding",
    "one_open_recommendation_a_finding",
    "one_open_pause_a_clock",
    "merged_into_one_record",
    "a_patient_dies_once",
    "no_report_is_said_once",
    "one_open_proposal_of_a_category",
    "one_post_for_a_duty_of_a_team",
    "a_finding_is_unroutable_once_at_a_time",
    "an_examination_is_unroutable_once_at_a_time",
    "an_improvement_is_unroutable_once_at_a_time",
    "professional_code_is_one_person",
}
TRIGGERS = {
    "findings_paperschedule": {"paperschedule_is_never_deleted"},
    "findings_paperready": {"paperready_is_never_deleted"},
    "findings_handover": {
        "handover_is_never_deleted",
        "offer_never_changes",
        "offer_ends_once",
    },
    "findings_review": {
        "review_is_never_deleted",
        "what_is_reviewed_never_changes",
        "concluded_review_never_changes",
    },
    "findings_reviewbreach": {"reviewbreach_is_append_only"},
    "findings_reviewcause": {
        "reviewcause_is_never_deleted",
        "found_cause_never_changes",
        "cause_is_taken_back_once",
    },
    "findings_candourstep": {
        "candourstep_is_never_deleted",
        "candour_step_never_changes",
        "candour_step_is_taken_back_once",
    },
    "findings_reviewnote": {"reviewnote_is_append_only"},
    "findings_reviewchange": {"reviewchange_is_append_only"},
    "findings_learningrule": {"learningrule_is_append_only"},
    "findings_improvement": {
        "improvement_is_never_deleted",
        "what_was_asked_never_changes",
        "improvement_ends_once",
        "improvement_is_checked_once",
    },
    "findings_improvementchange": {"improvementchange_is_append_only"},
    "findings_meeting": {"meeting_is_never_deleted", "record_is_closed_once"},
    "findings_case": {
        "case_is_never_deleted",
        "case_is_of_one_review",
        "case_is_taken_off_once",
        "case_is_of_an_open_record",
    },
    "findings_attendance": {
        "attendance_is_never_deleted",
        "attendance_never_changes",
        "attendance_is_undone_once",
        "attendance_is_of_an_open_record",
    },
    "findings_learningpoint": {
        "learningpoint_is_never_deleted",
        "learning_point_never_changes",
        "learning_point_is_withdrawn_once",
    },
    "findings_readreceipt": {"readreceipt_is_append_only"},
    "findings_shiftsheet": {
        "shiftsheet_is_never_deleted",
        "shift_sheet_never_changes",
        "shift_is_taken_over_once",
    },
    "findings_question": {
        "question_is_never_deleted",
        "question_never_changes",
        "question_is_answered_once",
    },
    "findings_patientmerge": {
        "patientmerge_is_never_deleted",
        "merge_never_changes",
        "merge_is_undone_once",
    },
    "findings_examination": {"examination_is_of_a_record_that_is_kept"},
    "findings_proposal": {
        "proposal_is_never_deleted",
        "proposal_never_changes",
        "proposal_ends_once",
    },
    "findings_noreport": {
        "noreport_is_never_deleted",
        "no_report_never_changes",
        "no_report_is_undone_once",
    },
    "findings_patientchange": {
        "patientchange_is_never_deleted",
        "change_of_patient_never_changes",
        "change_of_patient_is_undone_once",
    },
    "findings_pause": {"pause_is_never_deleted", "pause_never_changes"},
    "findings_recommendation": {
        "recommendation_is_never_deleted",
        "recommendation_never_changes",
        "recommendation_ends_once",
    },
    "findings_proposedmatch": {"proposedmatch_is_never_deleted"},
    "findings_finding": {"open_finding_has_a_running_clock", "finding_is_never_deleted"},
    "findings_post": {"post_is_never_deleted"},
    "findings_rotaentry": {"rotaentry_is_never_deleted", "removed_rota_entry_never_changes"},
    "findings_rotachange": {"rotachange_is_append_only"},
    "findings_directorychange": {"directorychange_is_append_only"},
    "findings_team": {"coordination_team_brings_the_last_routing_rule"},
    "findings_routingrule": {
        "last_routing_rule_is_never_deleted",
        "last_routing_rule_stays_the_last",
        "routing_rules_end_with_a_last_one",
    },
    "findings_routingchange": {"routingchange_is_append_only"},
    "findings_unroutable": {
        "unroutable_is_never_deleted",
        "unroutable_counts_from_its_beginning",
    },
    "findings_membership": {"nobody_leaves_a_team_with_its_finding"},
    "findings_person": {"nobody_leaves_an_open_finding_behind"},
    "findings_clock": {
        "clock_runs_while_finding_is_open",
        "clock_promise_never_changes",
        "clock_is_never_deleted",
        "replacing_clock_is_never_due_later",
        "replaced_clock_has_a_successor",
    },
    "findings_step": {
        "step_never_fires_twice",
        "step_promise_never_changes",
        "step_is_never_deleted",
    },
    "findings_event": {"event_is_append_only", "event_is_numbered_and_chained"},
    "findings_report": {"report_is_append_only"},
    "findings_reportidentifier": {"reportidentifier_is_append_only"},
    "findings_document": {"document_is_append_only"},
    "findings_incomingmessage": {"incomingmessage_is_append_only"},
    "findings_action": {"action_is_append_only"},
    "findings_viewing": {"viewing_is_append_only"},
    "findings_rule": {"rule_is_append_only"},
    "findings_rung": {"rung_is_append_only"},
    "findings_signature": {"signature_is_append_only"},
    "findings_receipt": {"receipt_is_never_deleted"},
    "findings_repair": {"repair_is_append_only"},
    "notifications_notification": {"notification_is_never_deleted"},
    "notifications_deliveryattempt": {"deliveryattempt_is_append_only"},
    "notifications_deliveryresult": {"deliveryresult_is_append_only"},
    "notifications_deliveryreceipt": {"deliveryreceipt_is_append_only"},
    "notifications_routechange": {"routechange_is_append_only"},
    "findings_recommendationstanding": {"recommendationstanding_is_append_only"},
    "findings_progressreport": {"progressreport_is_append_only"},
    "findings_policydraft": {
        "policydraft_is_never_deleted",
        "policy_draft_is_of_one_rule",
        "policy_draft_ends_once",
    },
    "findings_draftversion": {"draftversion_is_append_only"},
    "findings_draftsignature": {"draftsignature_is_append_only"},
    "findings_labreplay": {"labreplay_is_append_only"},
    "findings_labrun": {"labrun_is_never_deleted", "lab_run_ends_once"},
    "findings_replayedcase": {"replayedcase_is_append_only"},
    "notifications_wording": {"wording_is_append_only"},
    "findings_phonecall": {"phonecall_is_append_only"},
    "findings_rating": {"rating_is_append_only"},
    "findings_linkkey": {"linkkey_is_never_deleted", "link_key_only_ends"},
}
DEFERRED = {
    "open_finding_has_a_running_clock",
    "clock_runs_while_finding_is_open",
    "replaced_clock_has_a_successor",
}


def _names(sql: str, *parameters: object) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return {row[0] for row in cursor.fetchall()}


@pytest.mark.parametrize("table", CONSTRAINTS)
def test_the_constraints_of_a_table_exist_and_are_checked(table: str) -> None:
    found = _names(
        "SELECT conname FROM pg_constraint WHERE conrelid = %s::regclass AND convalidated", table
    )
    assert CONSTRAINTS[table] <= found


def test_the_partial_unique_indexes_exist() -> None:
    found = _names(
        "SELECT indexrelid::regclass::text FROM pg_index WHERE indisunique AND indisvalid"
        " AND indpred IS NOT NULL"
    )
    assert found >= INDEXES


def _triggers(table: str, condition: str = "true") -> set[str]:
    """Names as the models give them; pgtrigger adds a prefix and a hash."""
    names = _names(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = %s::regclass AND tgenabled <> 'D'"
        f" AND NOT tgisinternal AND {condition}",
        table,
    )
    return {name.removeprefix("pgtrigger_").rsplit("_", 1)[0] for name in names}


@pytest.mark.parametrize("table", TRIGGERS)
def test_the_triggers_of_a_table_exist_and_are_enabled(table: str) -> None:
    assert TRIGGERS[table] <= _triggers(table)


def test_the_running_clock_is_checked_at_commit() -> None:
    deferred = _triggers("findings_finding", "tginitdeferred") | _triggers(
        "findings_clock", "tginitdeferred"
    )
    assert deferred == DEFERRED


def test_every_append_only_table_has_its_trigger() -> None:
    for table in APPEND_ONLY:
        assert f"{table.split('_', 1)[1]}_is_append_only" in _triggers(table), table


def test_no_foreign_key_cascades() -> None:
    """Of our own tables: nothing clinical is ever deleted because something else was."""
    ours = [
        *apps.get_app_config("findings").get_models(),
        *apps.get_app_config("notifications").get_models(),
    ]
    keys = [
        field
        for model in ours
        for field in model._meta.get_fields()
        if isinstance(field, models.ForeignKey)
    ]
    assert len(keys) > 40
    assert not [str(key) for key in keys if key.remote_field.on_delete is not models.PROTECT]
    cascading = _names(
        "SELECT conname FROM pg_constraint WHERE contype = 'f' AND confdeltype NOT IN ('a', 'r')"
        " AND (conrelid::regclass::text LIKE 'findings_%%'"
        " OR conrelid::regclass::text LIKE 'notifications_%%')"
    )
    assert cascading == set()
