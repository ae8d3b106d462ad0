"""What each address gives to each person. Its test is test_every_address.py."""

OK, AWAY, NO, NONE, POST_ONLY = 200, 302, 403, 404, 405
WRONG = 400
UNKNOWN = 401  # only the API says it; pages send to the sign-in page

# Everybody who walks. Those of "other" belong to another trust; "bystander" and "elsewhere" to the
# same trust, another team, another site. "told" is a bystander to whom a message about the finding
# went.
IN_THE_TRUST = (
    "radiologist",
    "referrer",
    "colleague",
    "coordinator",
    "governance",
    "administrator",
)
OTHERS = ("referrer", "radiologist", "coordinator", "governance")
PEOPLE = (
    *("nobody", "left", "sender", "bystander", "told", "elsewhere", *IN_THE_TRUST),
    *(f"other_{name}" for name in OTHERS),
)
Expected = dict[str, int]


def everybody(status: int, *, but: dict[int, str] | None = None, nobody: int = AWAY) -> Expected:
    """One status for all who have signed in, except those named."""
    expected = dict.fromkeys(PEOPLE, status) | {"nobody": nobody, "left": nobody}
    for other, names in (but or {}).items():
        expected |= dict.fromkeys(names.split(), other)
    return expected


def only(names: str, else_: int, nobody: int = AWAY) -> Expected:
    """A page for the people named; the others get `else_`."""
    return everybody(else_, but={OK: names}, nobody=nobody)


def public(but: dict[int, str] | None = None) -> Expected:
    return everybody(OK, nobody=OK, but=but)


# Whoever sees the finding that REFERRER owns and RADIOLOGIST flagged.
ITS_READERS = "radiologist referrer colleague coordinator governance"
# And whoever may read it, and do nothing.
MAY_READ_IT = f"{ITS_READERS} told"
ITS_HOLDERS = "referrer colleague"
ITS_OTHERS = "radiologist coordinator governance told"
REFERRERS = "referrer colleague bystander told other_referrer"
RADIOLOGISTS = "radiologist elsewhere other_radiologist"
COORDINATORS = "coordinator other_coordinator"
KEEPERS = "coordinator administrator"
ATTENDERS = "radiologist elsewhere coordinator governance"
REVIEWERS = "radiologist coordinator governance"
LEADS = "governance other_governance"
OVERSEERS = f"{COORDINATORS} {LEADS}"
OTHER_OVERSEERS = "other_coordinator other_governance"


def answer(holders: str) -> Expected:
    """The page of an answer: holders get it, readers are told why not, others find nothing."""
    readers = " ".join(name for name in MAY_READ_IT.split() if name not in holders.split())
    return everybody(NONE, but={OK: holders, NO: readers})


def of_review() -> Expected:
    """What a governance lead does to a review; whoever raised it, and coordinators, only see it."""
    return everybody(NONE, but={OK: "governance", NO: "radiologist coordinator"})


def of_improvement() -> Expected:
    """What a governance lead does with one; its owner and coordinators only see it."""
    return everybody(NONE, but={OK: "governance", NO: "referrer coordinator"})


def rota_page() -> Expected:
    """Of the trust's own post: for who keeps rotas; those of another trust find nothing."""
    return everybody(NO, but={OK: "coordinator administrator", NONE: "other_coordinator"})


def call(names: str, else_: int) -> Expected:
    return only(names, else_, nobody=UNKNOWN)


# By the name of the URL: what a GET of it gives to each. Where it takes an object, the object is
# the trust's own: its finding, that finding's examination and report, its held item.
TABLE: dict[str, Expected] = {
    "home": everybody(AWAY),
    "sign-in": everybody(AWAY, nobody=OK),
    "sign-in-as": everybody(POST_ONLY, nobody=POST_ONLY),
    "sign-out": everybody(POST_ONLY, nobody=POST_ONLY),
    "help": public(),
    "accessibility": public(),
    "health": public(),
    # No engine runs beside this test, and the page says so; to everybody alike.
    # The test's own machine asks, and no token is set.
    "metrics": public(),
    "clock-health": dict.fromkeys(PEOPLE, 503),
    "reports": only(f"{RADIOLOGISTS} {REFERRERS} {OVERSEERS}", NO),
    # Without what a RIS puts behind it.
    "from-ris": everybody(NO, but={WRONG: f"{RADIOLOGISTS} {REFERRERS} {OVERSEERS}"}),
    "write-report": only(RADIOLOGISTS, NO),
    "report": only(ITS_READERS, NONE),
    "report-document": only(ITS_READERS, NONE),
    "flag": everybody(
        NONE, but={OK: "radiologist", NO: "referrer colleague coordinator governance"}
    ),
    "to-confirm": only(f"{RADIOLOGISTS} {OVERSEERS}", NO),
    "not-a-finding": everybody(NONE, but={OK: "radiologist", NO: "coordinator governance"}),
    "my-flags": only(RADIOLOGISTS, NO),
    "desk": only(COORDINATORS, NO),
    # Without the row that was pressed.
    "desk-pressed": everybody(NO, but={NONE: COORDINATORS}),
    "desk-together": everybody(POST_ONLY),
    "shift-sheets": only(OVERSEERS, NO),
    "hand-over-shift": only(COORDINATORS, NO),
    "shift-sheet": only("coordinator governance", NONE),
    "open-findings": only(OVERSEERS, NO),
    "downtime-list": only(OVERSEERS, NO),
    "my-findings": only(REFERRERS, NO),
    "my-week": only(REFERRERS, NO),
    "finding": only(MAY_READ_IT, NONE),
    "note": answer(ITS_READERS),
    "acknowledge": answer(ITS_HOLDERS),
    "decline": answer(ITS_HOLDERS),
    # The finding waits for its acknowledgement, so nobody can do these yet: the page says so.
    "act": everybody(NONE, but={NO: ITS_OTHERS, 409: ITS_HOLDERS}),
    "close": everybody(NONE, but={NO: ITS_OTHERS, 409: ITS_HOLDERS}),
    "take-back": everybody(NONE, but={NO: ITS_OTHERS, 409: ITS_HOLDERS}),
    "patient-told": answer(ITS_HOLDERS),
    # A critical finding, which cannot be snoozed; and nothing is held.
    "snooze": answer(""),
    "hold-letter": answer(ITS_HOLDERS),
    "end-snooze": answer(""),
    "end-hold": answer(""),
    # No examination is recommended.
    "follow-up": answer(""),
    "patient-letter": answer(f"{ITS_HOLDERS} coordinator"),
    "withdraw": answer("radiologist coordinator"),
    "undo-flag": everybody(POST_ONLY),
    # Nothing was done about it yet.
    "rate": answer(""),
    "change-category": answer("radiologist coordinator"),
    "hand-over": answer("coordinator governance"),
    "call": answer("radiologist coordinator governance"),
    "phoned": everybody(POST_ONLY),
    "offer": answer(ITS_HOLDERS),
    # Nothing is offered to anybody, so nobody can answer, or take it back.
    "ask": answer(f"{ITS_HOLDERS} coordinator governance"),
    # Nobody has asked anything.
    "answer-question": answer(""),
    "accept-offer": answer(""),
    "refuse-offer": answer(""),
    "take-offer-back": answer(""),
    "reviews": only(f"{OVERSEERS} {RADIOLOGISTS}", NO),
    "start-review": only(f"{OVERSEERS} {RADIOLOGISTS}", NO),
    "review-lists": only(LEADS, NO),
    "candour-limit": everybody(POST_ONLY),
    # The radiologist raised it.
    "review": only(REVIEWERS, NONE),
    "take-review-up": everybody(POST_ONLY),
    "assess-review": everybody(POST_ONLY),
    "add-cause": everybody(POST_ONLY),
    "suggested-cause": everybody(POST_ONLY),
    "record-candour": everybody(POST_ONLY),
    "review-note": everybody(POST_ONLY),
    "take-cause-back": of_review(),
    "take-candour-back": of_review(),
    "conclude-review": of_review(),
    "not-a-breach": of_review(),
    "meetings": only(f"{OVERSEERS} {RADIOLOGISTS}", NO),
    "call-meeting": only("governance other_governance", NO),
    "meeting": only(ATTENDERS, NONE),
    "case-sheets": only(ATTENDERS, NONE),
    "add-case": everybody(POST_ONLY),
    "prepare-case": everybody(
        NONE, but={OK: "governance", NO: "radiologist elsewhere coordinator"}
    ),
    "record-attendance": everybody(POST_ONLY),
    "close-meeting": everybody(POST_ONLY),
    "learning": everybody(OK),
    "share-point": only("governance other_governance", NO),
    "read-point": everybody(POST_ONLY),
    "withdraw-point": everybody(NO, but={OK: "governance", NONE: "other_governance"}),
    # The referrer owns it.
    "improvements": only(f"{OVERSEERS} referrer", NO),
    "ask-for-improvement": only("governance other_governance", NO),
    "improvement": only("referrer coordinator governance", NONE),
    "improvement-done": everybody(NONE, but={OK: "referrer governance", NO: "coordinator"}),
    "give-improvement-up": of_improvement(),
    "give-improvement": of_improvement(),
    # It is not done yet.
    "check-improvement": everybody(NONE, but={NO: "referrer coordinator governance"}),
    "governance": only(OVERSEERS, NO),
    "governance-rows": only(OVERSEERS, NO),
    # Nobody has asked whether it is still theirs.
    "still-mine": answer(""),
    "patient-changes": only(COORDINATORS, NO),
    "undo-patient-change": everybody(NO, but={OK: "coordinator", NONE: "other_coordinator"}),
    "merges": only(COORDINATORS, NO),
    # Of the trust's own two records; another trust's coordinator finds nothing.
    "undo-merge": everybody(NO, but={OK: "coordinator", NONE: "other_coordinator"}),
    "measures": only(OVERSEERS, NO),
    "deprivation": only("governance other_governance administrator", NO),
    "measure": only(OVERSEERS, NO),
    "measure-rows": only(OVERSEERS, NO),
    "papers": only(OVERSEERS, NO),
    "stop-paper": everybody(POST_ONLY),
    "paper-board": only(LEADS, NO),
    "paper-audit": only(LEADS, NO),
    "paper-weekly": only(OVERSEERS, NO),
    # Of a case of another trust they do not even hear.
    "case-pack": everybody(NO, but={OK: "governance", NONE: "other_governance"}),
    "late-reporting": only(OVERSEERS, NO),
    "waiting": only(OVERSEERS, NO),
    "enter-waiting": only(COORDINATORS, NO),
    "import-waiting": only(COORDINATORS, NO),
    # Whoever hears of it: here there is no reporting team.
    "wait": only("coordinator governance", NONE),
    "no-report": everybody(NONE, but={OK: "coordinator", NO: "governance"}),
    "report-expected": everybody(NONE, but={OK: "coordinator", NO: "governance"}),
    "held-items": only(COORDINATORS, NO),
    "reconcile": only(COORDINATORS, NO),
    "held-item": only("coordinator", NONE),
    "bank-holidays": only("administrator", NO),
    "add-bank-holiday": only("administrator", NO),
    "remove-bank-holiday": only("administrator", NO),
    "coverage": only(f"{OVERSEERS} administrator", NO),
    "senders": only(f"{COORDINATORS} administrator", NO),
    "sender": rota_page(),
    "link-keys": rota_page(),
    "integration": only(f"{COORDINATORS} administrator", NO),
    "feed": rota_page(),
    "unknown-feed": only(f"{COORDINATORS} administrator", NO),
    "stored-message": only("coordinator", NONE),
    "routing": only(f"{COORDINATORS} administrator", NO),
    "add-routing-rule": only(f"{COORDINATORS} administrator", NO),
    "change-routing-rule": rota_page(),
    "remove-routing-rule": rota_page(),
    "rotas": only(f"{COORDINATORS} administrator", NO),
    "add-post": only(f"{COORDINATORS} administrator", NO),
    "import-rota": only(f"{COORDINATORS} administrator", NO),
    "post": rota_page(),
    "end-post": rota_page(),
    "add-to-rota": rota_page(),
    "change-shift": rota_page(),
    "remove-shift": rota_page(),
    "recommendations": only(f"{OVERSEERS} administrator", NO),
    "recommendation": only(f"{OVERSEERS} administrator", NO),
    "progress-reports": only(f"{OVERSEERS} administrator", NO),
    "progress-report": everybody(
        NO, but={OK: "coordinator governance administrator", NONE: OTHER_OVERSEERS}
    ),
    "policy-lab": only(f"{OVERSEERS} administrator", NO),
    "new-draft": only("governance other_governance administrator", NO),
    "policy-draft": only(f"{OVERSEERS} administrator", NO),
    "change-draft": only("governance other_governance administrator", NO),
    "sign-draft": only("governance other_governance administrator", NO),
    "put-away-draft": only("governance other_governance administrator", NO),
    "replay-draft": everybody(POST_ONLY),
    "lab-run": everybody(
        NO, but={OK: "coordinator governance administrator", NONE: OTHER_OVERSEERS}
    ),
    "policy-replay": everybody(
        NO, but={OK: "coordinator governance administrator", NONE: OTHER_OVERSEERS}
    ),
    "replayed-cases": everybody(
        NO, but={OK: "coordinator governance administrator", NONE: OTHER_OVERSEERS}
    ),
    "wordings": only(f"{OVERSEERS} administrator", NO),
    "wordings-of": only(f"{OVERSEERS} administrator", NO),
    "other-message": only(f"{OVERSEERS} administrator", NO),
    "wording": only(f"{OVERSEERS} administrator", NO),
    # Each of their own trust.
    "change-wording": only("governance other_governance administrator", NO),
    "word-again": everybody(POST_ONLY),
    "policy": everybody(OK),
    # Without the list that it is of; and the referrer's own.
    "keep-view": everybody(NONE),
    "saved-view": only("referrer", NONE),
    "people": only(f"{OVERSEERS} administrator", NO),
    "directory-changes": only(f"{OVERSEERS} administrator", NO),
    "import-staff": only("administrator", NO),
    "me": everybody(OK),
    # Of the referrer: themselves, and whoever keeps or oversees the directory of their trust.
    "person": only(f"referrer {KEEPERS} governance", NONE),
    "leave": everybody(NONE, but={OK: f"referrer {KEEPERS}", NO: "governance"}),
    "let-leave": everybody(NONE, but={OK: KEEPERS, NO: "referrer governance"}),
    "come-back": everybody(POST_ONLY),
    "cancel-leave": everybody(POST_ONLY),
    # The referrer's own, and an administrator's.
    "routes": everybody(NONE, but={OK: "referrer administrator", NO: "coordinator governance"}),
    "verify-route": everybody(
        NONE, but={OK: "referrer administrator", NO: "coordinator governance"}
    ),
    "send-code": everybody(POST_ONLY),
    "move-route": everybody(POST_ONLY),
    "test-route": everybody(POST_ONLY),
    "remove-route": everybody(POST_ONLY),
    # Other systems post here, by a token or a signature; to a browser there is nothing.
    "notify-receipt": everybody(POST_ONLY, nobody=POST_ONLY),
    "webhook-receipt": everybody(POST_ONLY, nobody=POST_ONLY),
    "inbox": everybody(OK),
    "open-notification": everybody(POST_ONLY),
    # Only a demonstration has these.
    "messages": everybody(NONE),
    "message": everybody(NONE),
    "schema": everybody(OK, nobody=UNKNOWN),
    "api-reports": everybody(OK, nobody=UNKNOWN),
    "api-report": call(ITS_READERS, NONE),
    "api-findings": everybody(OK, nobody=UNKNOWN),
    "api-finding": call(MAY_READ_IT, NONE),
    "api-finding-events": call(MAY_READ_IT, NONE),
    "api-acknowledge": everybody(POST_ONLY, nobody=UNKNOWN),
    "api-decline": everybody(POST_ONLY, nobody=UNKNOWN),
    "api-measures": call(OVERSEERS, NO),
    "api-measure": call(OVERSEERS, NO),
    "api-measure-rows": call(OVERSEERS, NO),
    # To everybody alike, as FHIR wants it.
    "fhir-metadata": public(),
    "fhir-base": everybody(POST_ONLY, nobody=UNKNOWN),
    "fhir-base-slash": everybody(POST_ONLY, nobody=UNKNOWN),
    "fhir-unknown": everybody(NONE, nobody=UNKNOWN),
    "fhir-reports": everybody(OK, nobody=UNKNOWN),
    "fhir-report-search": everybody(POST_ONLY, nobody=UNKNOWN),
    "fhir-report": call(MAY_READ_IT, NONE),
    "fhir-report-history": call(ITS_READERS, NONE),
    "fhir-report-version": call(ITS_READERS, NONE),
    "fhir-tasks": everybody(OK, nobody=UNKNOWN),
    "fhir-task-search": everybody(POST_ONLY, nobody=UNKNOWN),
    "fhir-task": call(MAY_READ_IT, NONE),
    "fhir-communications": everybody(OK, nobody=UNKNOWN),
    "fhir-communication-search": everybody(POST_ONLY, nobody=UNKNOWN),
    "fhir-communication": call(ITS_READERS, NONE),
    "fhir-patients": everybody(OK, nobody=UNKNOWN),
    "fhir-patient-search": everybody(POST_ONLY, nobody=UNKNOWN),
    "fhir-patient": call(ITS_READERS, NONE),
    "fhir-requests": everybody(OK, nobody=UNKNOWN),
    "fhir-request-search": everybody(POST_ONLY, nobody=UNKNOWN),
    "fhir-request": call(ITS_READERS, NONE),
    "fhir-audit-events": call("governance other_governance", NO),
    "fhir-audit-event-search": everybody(POST_ONLY, nobody=UNKNOWN),
    # Something that somebody of the trust looked at.
    "fhir-audit-event": everybody(
        NO, but={OK: "governance", NONE: "other_governance"}, nobody=UNKNOWN
    ),
}
# What a POST by somebody who may not see the object gives. No row: the address takes no object,
# or takes no POST.
POSTED = {
    "add-case": "governance",
    "prepare-case": "governance",
    "record-attendance": "governance",
    "close-meeting": "governance",
    "read-point": "radiologist elsewhere",
    "withdraw-point": "governance",
    "improvement-done": "referrer governance",
    "give-improvement-up": "governance",
    "give-improvement": "governance",
    "check-improvement": "",
    "candour-limit": "governance other_governance",
    "take-review-up": "governance",
    "assess-review": "governance",
    "add-cause": "governance",
    "suggested-cause": "governance",
    "record-candour": "governance",
    "review-note": REVIEWERS,
    "take-cause-back": "governance",
    "take-candour-back": "governance",
    "conclude-review": "governance",
    "not-a-breach": "governance",
    "flag": "radiologist",
    "not-a-finding": "radiologist",
    "note": ITS_READERS,
    "acknowledge": ITS_HOLDERS,
    "decline": ITS_HOLDERS,
    "take-back": ITS_HOLDERS,
    "act": ITS_HOLDERS,
    "close": ITS_HOLDERS,
    "patient-told": ITS_HOLDERS,
    "follow-up": "",
    "snooze": "",
    "hold-letter": ITS_HOLDERS,
    "end-snooze": "",
    "end-hold": "",
    "patient-letter": f"{ITS_HOLDERS} coordinator",
    "undo-flag": "radiologist coordinator",
    "rate": "",
    "withdraw": "radiologist coordinator",
    "hand-over": "coordinator governance",
    "call": "radiologist coordinator governance",
    "phoned": "radiologist coordinator governance",
    "offer": ITS_HOLDERS,
    "accept-offer": "",
    "refuse-offer": "",
    "take-offer-back": "",
    "held-item": "coordinator",
    "no-report": "coordinator",
    "report-expected": "coordinator",
    "undo-merge": "coordinator",
    "leave": f"referrer {KEEPERS}",
    "let-leave": KEEPERS,
    "come-back": KEEPERS,
    "cancel-leave": f"colleague {KEEPERS}",
    "routes": "referrer administrator",
    "verify-route": "referrer administrator",
    "send-code": "referrer administrator",
    "move-route": "referrer administrator",
    "test-route": "referrer administrator",
    "remove-route": "referrer administrator",
    "open-notification": "referrer",
    "saved-view": "referrer",
    "shift-sheet": "coordinator governance",
    "recommendation": "governance other_governance",
    "progress-reports": "governance other_governance",
    "new-draft": "governance other_governance administrator",
    "change-draft": "governance other_governance administrator",
    "sign-draft": "governance other_governance administrator",
    "put-away-draft": "governance other_governance administrator",
    "replay-draft": "governance other_governance administrator",
    "change-wording": "governance other_governance administrator",
    "word-again": "governance other_governance administrator",
    "api-acknowledge": ITS_HOLDERS,
    "api-decline": ITS_HOLDERS,
}


def pages() -> set[str]:
    """The names of what answers somebody with a page; other systems call the rest."""
    calls = ("api-", "fhir-", "schema", "metrics", "health")
    return {
        name
        for name, expected in TABLE.items()
        if OK in expected.values() and not name.startswith(calls)
    }
