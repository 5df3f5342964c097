"""What Gradio keeps of pages: their state, their events, what they have not yet been told."""

# pyright: basic
import gradio as gr
from gradio import caching


class GradioPages:
    """Implements `modules.ui.access.pages.Kept`. In the event loop."""

    def __init__(self, blocks: gr.Blocks) -> None:
        self._blocks = blocks

    def page_of(self, event_id: str) -> str | None:
        event = self._blocks._queue.event_ids_to_events.get(event_id)
        return None if event is None else event.session_hash

    def end(self, page: str) -> bool:
        queue, holder = self._blocks._queue, self._blocks.state_holder
        if any(event.session_hash == page for event in queue.event_ids_to_events.values()):
            return False
        holder.delete_state(page)
        holder.session_data.pop(page, None)
        holder.time_last_used.pop(page, None)
        caching.clear_session_caches(page)
        if page in queue.pending_messages_per_session:
            del queue.pending_messages_per_session[page]
        queue.pending_event_ids_session.pop(page, None)
        for run in self._blocks.pending_streams.pop(page, {}).values():
            for stream in run.values():
                stream.end_stream()
        self._blocks.pending_diff_streams.pop(page, None)
        return True
