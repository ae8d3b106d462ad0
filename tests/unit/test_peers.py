"""Who may send as which sender."""

import pytest

from findings.intake.peers import Peer, may_send, read_allow_list

LIST = read_allow_list("10.1.0.4=RIS|RRV03, CRIS|RRV04; ris.trust.example=RIS|RRV03; 10.9.0.0/16=*")


@pytest.mark.parametrize(
    ("peer", "as_ris", "as_cris", "as_another"),
    [
        (Peer("10.1.0.4"), True, True, False),
        (Peer("::ffff:10.1.0.4"), True, True, False),
        (Peer("10.1.0.5"), False, False, False),
        (Peer("10.1.0.5", ("RIS.trust.example",)), True, False, False),
        (Peer("10.1.0.5", ("evil.example",)), False, False, False),
        (Peer("10.9.200.1"), True, True, True),
        (Peer("127.0.0.1"), True, True, True),
        (Peer("::1"), True, True, True),
    ],
)
def test_whoever_is_not_listed_may_send_nothing(
    peer: Peer, as_ris: bool, as_cris: bool, as_another: bool
) -> None:
    senders = LIST.senders_of(peer)
    asked = [("ris", "RRV03"), ("CRIS", " RRV04"), ("PACS", "RRV03")]
    assert [may_send(senders, *one) for one in asked] == [as_ris, as_cris, as_another]


def test_this_machine_is_bound_by_its_own_entry() -> None:
    listed = read_allow_list("127.0.0.1=RIS|RRV03")
    assert not may_send(listed.senders_of(Peer("127.0.0.1")), "CRIS", "RRV04")


@pytest.mark.parametrize("text", ["10.1.0.4", "10.1.0.4=", "=RIS|A", "10.1=RIS|A", "a=RIS"])
def test_a_mistake_in_the_list_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r"write it as ADDRESS=APPLICATION\|FACILITY"):
        read_allow_list(text)
