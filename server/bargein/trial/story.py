"""What was said in a scenario's call, for a person to read."""

from __future__ import annotations

from bargein.load.conversation import Line, line_of_agent
from bargein.trial.caller import ScenarioCaller
from bargein.trial.expecting import understood_of


def story(caller: ScenarioCaller) -> list[Line]:
    """The caller's lines, the agent's and its tools', in the order in which they began."""
    lines = []
    for act in caller.acts:
        understood = understood_of(caller, act) if act.is_turn else ""
        remark = f"understood: {understood}" if understood else ""
        lines.append(Line(act.onset_s - caller.began_s, "caller", act.sound.label, remark=remark))
    lines += [
        line_of_agent(caller.dialogue, caller.transcript, caller.began_s, reply)
        for reply in caller.dialogue.replies.values()
    ]
    lines += [
        Line(call.at_s - caller.began_s, "agent", "", remark=f"calls {call.name}({call.arguments})")
        for call in caller.calls
    ]
    return sorted(lines, key=lambda line: line.at_s)
