"""Rows of the case and the clock, with the questions that may be asked of them."""

from findings.models.action import Action
from findings.models.append_only import APPEND_ONLY
from findings.models.bank_holiday import BankHoliday, BankHolidayChange, Nation
from findings.models.category_change import CategoryChange
from findings.models.circumstances import (
    DECILES,
    Circumstances,
    DeprivationIndex,
    PostcodeDecile,
)
from findings.models.clock import Clock, Step
from findings.models.coded_list import Cause, Theme
from findings.models.cover import Leave
from findings.models.directory_change import DirectoryChange
from findings.models.document import Document
from findings.models.event import Event, Viewing
from findings.models.examination import (
    MODALITIES,
    Examination,
    Sender,
    SenderChange,
    held_by,
)
from findings.models.finding import Finding
from findings.models.improvement import Improvement, ImprovementChange
from findings.models.learning_point import LearningPoint, ReadReceipt
from findings.models.link_key import LinkKey
from findings.models.measured_day import MeasuredDay, MeasuredUpTo
from findings.models.meeting import Attendance, Case, Meeting
from findings.models.merge import PatientMerge, ToldApart
from findings.models.national import (
    NationalRecommendation,
    ProgressReport,
    RecommendationStanding,
)
from findings.models.no_report import NoReport
from findings.models.offer import HandOver
from findings.models.organisation import Membership, Organisation, Site, Team
from findings.models.paper import PaperReady, PaperSchedule
from findings.models.patient import Patient, PatientIdentifier, PatientUpdate
from findings.models.patient_change import PatientChange
from findings.models.pause import Pause
from findings.models.people import Person, Role, names
from findings.models.phone_call import PhoneCall
from findings.models.policy import NEWS, Audience, Category, Rule, Rung, Signature
from findings.models.policy_draft import (
    DraftSignature,
    DraftVersion,
    LabReplay,
    LabRun,
    PolicyDraft,
    ReplayedCase,
)
from findings.models.proposal import Proposal
from findings.models.question import Question
from findings.models.rating import Rating
from findings.models.recommendation import ProposedMatch, Recommendation
from findings.models.repair import Repair
from findings.models.report import FilingTry, IncomingMessage, Receipt, Report, ReportStatus
from findings.models.report_identifier import ReportIdentifier
from findings.models.review import LearningRule, Review
from findings.models.review_parts import (
    CandourStep,
    ReviewBreach,
    ReviewCause,
    ReviewChange,
    ReviewNote,
)
from findings.models.rota import Post, RotaChange, RotaEntry
from findings.models.routing import RoutingChange, RoutingRule
from findings.models.saved_view import SavedView
from findings.models.shift_sheet import ShiftSheet
from findings.models.taken_folder import TakenFolder
from findings.models.token_use import TokenUse
from findings.models.unroutable import Unroutable

__all__ = [
    "APPEND_ONLY",
    "DECILES",
    "MODALITIES",
    "NEWS",
    "Action",
    "Attendance",
    "Audience",
    "BankHoliday",
    "BankHolidayChange",
    "CandourStep",
    "Case",
    "Category",
    "CategoryChange",
    "Cause",
    "Circumstances",
    "Clock",
    "DeprivationIndex",
    "DirectoryChange",
    "Document",
    "DraftSignature",
    "DraftVersion",
    "Event",
    "Examination",
    "FilingTry",
    "Finding",
    "HandOver",
    "Improvement",
    "ImprovementChange",
    "IncomingMessage",
    "LabReplay",
    "LabRun",
    "LearningPoint",
    "LearningRule",
    "Leave",
    "LinkKey",
    "MeasuredDay",
    "MeasuredUpTo",
    "Meeting",
    "Membership",
    "Nation",
    "NationalRecommendation",
    "NoReport",
    "Organisation",
    "PaperReady",
    "PaperSchedule",
    "Patient",
    "PatientChange",
    "PatientIdentifier",
    "PatientMerge",
    "PatientUpdate",
    "Pause",
    "Person",
    "PhoneCall",
    "PolicyDraft",
    "Post",
    "PostcodeDecile",
    "ProgressReport",
    "Proposal",
    "ProposedMatch",
    "Question",
    "Rating",
    "ReadReceipt",
    "Receipt",
    "Recommendation",
    "RecommendationStanding",
    "Repair",
    "ReplayedCase",
    "Report",
    "ReportIdentifier",
    "ReportStatus",
    "Review",
    "ReviewBreach",
    "ReviewCause",
    "ReviewChange",
    "ReviewNote",
    "Role",
    "RotaChange",
    "RotaEntry",
    "RoutingChange",
    "RoutingRule",
    "Rule",
    "Rung",
    "SavedView",
    "Sender",
    "SenderChange",
    "ShiftSheet",
    "Signature",
    "Site",
    "Step",
    "TakenFolder",
    "Team",
    "Theme",
    "TokenUse",
    "ToldApart",
    "Unroutable",
    "Viewing",
    "held_by",
    "names",
]
