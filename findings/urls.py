"""Addresses of the pages. None holds anything about a patient: references and random ids only."""

from django.urls import path

import findings.addresses  # noqa: F401  registers <reference:…>
from findings.views import (
    answers,
    bank_holidays,
    finding,
    flag,
    governance,
    held,
    lists,
    offers,
    people,
    policy,
    reports,
)

urlpatterns = [
    path("reports/", reports.reports, name="reports"),
    path("reports/new/", reports.write_report, name="write-report"),
    path("reports/<uuid:public_id>/", reports.report, name="report"),
    path("reports/<uuid:public_id>/flag/", flag.flag, name="flag"),
    path("flags/", flag.my_flags, name="my-flags"),
    path("findings/", lists.open_findings, name="open-findings"),
    path("findings/mine/", lists.my_findings, name="my-findings"),
    path("findings/<reference:reference>/", finding.finding, name="finding"),
    path("findings/<reference:reference>/note/", finding.note, name="note"),
    path("findings/<reference:reference>/acknowledge/", answers.acknowledge, name="acknowledge"),
    path("findings/<reference:reference>/decline/", answers.decline, name="decline"),
    path("findings/<reference:reference>/act/", answers.act, name="act"),
    path("findings/<reference:reference>/patient-told/", answers.patient_told, name="patient-told"),
    path("findings/<reference:reference>/close/", answers.close, name="close"),
    path("findings/<reference:reference>/withdraw/", answers.withdraw, name="withdraw"),
    path("findings/<reference:reference>/offer/", offers.offer, name="offer"),
    path("findings/<reference:reference>/offer/accept/", offers.accept, name="accept-offer"),
    path("findings/<reference:reference>/offer/refuse/", offers.refuse, name="refuse-offer"),
    path("findings/<reference:reference>/offer/take-back/", offers.back, name="take-offer-back"),
    path("findings/<reference:reference>/hand-over/", answers.hand_over, name="hand-over"),
    path("governance/", governance.governance, name="governance"),
    path("governance/<str:measure>/", governance.rows, name="governance-rows"),
    path("held/", held.held_items, name="held-items"),
    path("held/<int:receipt_id>/", held.held_item, name="held-item"),
    path("bank-holidays/", bank_holidays.bank_holidays, name="bank-holidays"),
    path("bank-holidays/add/", bank_holidays.add, name="add-bank-holiday"),
    path("bank-holidays/<int:pk>/remove/", bank_holidays.remove, name="remove-bank-holiday"),
    path("policy/", policy.policy, name="policy"),
    path("people/", people.people, name="people"),
]
