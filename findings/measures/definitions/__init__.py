"""The measures, one file for each thing that may go wrong."""

from findings.measures.definitions import alerts, delivery, promises, reporting
from findings.measures.measure import Measure

MEASURES: dict[str, Measure] = {
    measure.code: measure
    for room in (promises, reporting, alerts, delivery)
    for measure in room.MEASURES
}
