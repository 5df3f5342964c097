"""Who may decide that a call runs: the user, once or for good."""

import pytest

from modules.core.messages import ToolCall
from modules.toolbox.approvals import Answer, Approvals, Verdict

FIRST = ToolCall("call_1", "read", "{}")
SECOND = ToolCall("call_2", "read", "{}")
OTHER = ToolCall("call_3", "write", "{}")


def test_every_call_is_asked_for_by_default():
    assert Approvals().verdict(FIRST) is Verdict.ASK


@pytest.mark.parametrize(
    ("answer", "verdict"), [(Answer.ALLOW, Verdict.ALLOWED), (Answer.DENY, Verdict.DECLINED)]
)
def test_an_answer_to_one_call_says_nothing_about_the_next(answer: Answer, verdict: Verdict):
    approvals = Approvals().answered(FIRST, answer)
    assert approvals.verdict(FIRST) is verdict
    assert approvals.verdict(SECOND) is Verdict.ASK


@pytest.mark.parametrize(
    ("answer", "verdict"), [(Answer.ALWAYS, Verdict.ALLOWED), (Answer.NEVER, Verdict.DECLINED)]
)
def test_an_answer_for_good_holds_for_the_tool_alone(answer: Answer, verdict: Verdict):
    approvals = Approvals().answered(FIRST, answer)
    assert approvals.verdict(FIRST) is verdict
    assert approvals.verdict(SECOND) is verdict
    assert approvals.verdict(OTHER) is Verdict.ASK
    assert approvals.forgotten("read").verdict(SECOND) is Verdict.ASK


def test_a_single_call_can_be_declined_though_its_tool_is_allowed():
    approvals = Approvals().answered(FIRST, Answer.ALWAYS).answered(FIRST, Answer.DENY)
    assert approvals.verdict(FIRST) is Verdict.DECLINED
    assert approvals.verdict(SECOND) is Verdict.ALLOWED


def test_what_holds_for_good_is_kept_with_the_chat():
    approvals = Approvals().answered(FIRST, Answer.ALWAYS).answered(OTHER, Answer.ALLOW)
    read = Approvals.from_json(approvals.to_json())
    assert read.verdict(SECOND) is Verdict.ALLOWED
    assert read.verdict(OTHER) is Verdict.ASK


@pytest.mark.parametrize(
    "value", [None, [], {"for_good": []}, {"for_good": {"read": "yes"}}, {"for_good": {"read": 1}}]
)
def test_what_is_no_answer_allows_nothing(value):
    assert Approvals.from_json(value).verdict(FIRST) is Verdict.ASK
