"""What a card says that a model does not take: for providers, which are asked nevertheless when a card has changed."""

from reelmesh_provider.model.cards import ModelCard
from reelmesh_provider.model.tasks import Task


def problem(task: Task, offered: ModelCard) -> str:
    """Say which of a task's last frame and negative prompt a model does not take; "" when it takes what there is.

    Nothing of it is left out in silence: who asked for it would not get what was asked for.
    """
    if task.negative_prompt and not offered.negative_prompt:
        return f"{offered.model} takes no negative prompt"
    if not (task.last_frame or task.last_frame_asset_id):
        return ""
    if not offered.last_frame:
        return f"{offered.model} cannot end on a given frame"
    if not (task.first_frame or task.first_frame_asset_id or offered.last_frame_alone):
        return f"{offered.model} ends on a given frame only where it starts from one too"
    return ""
