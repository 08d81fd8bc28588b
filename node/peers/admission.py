"""Admission of those who have proved nothing: whoever comes gets in, who has most makes room."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Generic, TypeVar

Member = TypeVar("Member")


class Admission(Generic[Member]):
    """Bounded places, shared out among groups. Whoever comes gets in.

    If that is one too many, the oldest member of the largest group leaves; of equally large groups,
    that of the one which has been there longest. So whoever comes in numbers displaces its own.

    Args:
        members_max: Places in total, at least 2.
        group_members_max: Places of one group.
    """

    def __init__(self, members_max: int, group_members_max: int) -> None:
        self._members_max = members_max
        self._group_members_max = group_members_max
        self._group_of: dict[Member, Hashable] = {}
        self._groups: dict[Hashable, dict[Member, None]] = {}

    def __len__(self) -> int:
        return len(self._group_of)

    def enter(self, member: Member, group: Hashable) -> Member | None:
        """Give ``member``, who has no place, a place, and return who has lost one for it."""
        self._group_of[member] = group
        own = self._groups.setdefault(group, {})
        own[member] = None
        if len(own) > self._group_members_max:
            return self._displace(own)
        if len(self._group_of) > self._members_max:
            return self._displace(max(self._groups.values(), key=len))
        return None

    def leave(self, member: Member) -> None:
        """Free a place, if ``member`` has one."""
        if member in self._group_of:
            group = self._group_of.pop(member)
            del self._groups[group][member]
            if not self._groups[group]:
                del self._groups[group]

    def _displace(self, group: dict[Member, None]) -> Member:
        oldest = next(iter(group))
        self.leave(oldest)
        return oldest
