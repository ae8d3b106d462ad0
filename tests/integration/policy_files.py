"""A trust's own copy of the policy files, to be changed and loaded."""

import csv
import shutil
from pathlib import Path

from findings.models import Rule
from findings.services.policy import FOLDER, load_policy, sign_rule


def own_copy(under: Path) -> Path:
    return Path(shutil.copytree(FOLDER, under / "policy"))


def change(folder: Path, name: str, where: str, **values: str) -> None:
    """Change cells of the rows whose first column is `where`."""
    with (folder / name).open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        if next(iter(row.values())) == where:
            row.update(values)
    with (folder / name).open("w", encoding="utf-8", newline="") as file:
        written = csv.DictWriter(file, rows[0])
        written.writeheader()
        written.writerows(rows)


def stricter(folder: Path, policy_id: str = "DEF-URG", within: str = "PT8H") -> Rule:
    """A new version of a local rule, which nobody has signed."""
    change(folder, "policy.csv", policy_id, acknowledge_within=within)
    load_policy(folder)
    return Rule.objects.in_force().get(policy_id=policy_id)


def with_question_limit(under: Path, policy_id: str = "DEF-QUESTION", within: str = "PT1H") -> None:
    """The trust's own limit for the answer to a question, signed."""
    folder = own_copy(under)
    change(folder, "policy.csv", policy_id, acknowledge_within=within)
    load_policy(folder)
    sign_rule(policy_id=policy_id, name="Dr A Example", role="Medical director")


RUNG = "DEF-TAT-IP,report_by,1,PT0M,due,team,late\n"


def with_inpatient_limit(under: Path, ladder: str = RUNG) -> Path:
    """With the trust's own limit for reports of in-patients: one working day. Nobody signed it."""
    folder = own_copy(under)
    with (folder / "policy.csv").open("a", encoding="utf-8") as file:
        file.write("DEF-TAT-IP,reporting_inpatient,working,P1D,,,,local,Agreed here,,\n")
    with (folder / "ladders.csv").open("a", encoding="utf-8") as file:
        file.write(ladder)
    return folder
