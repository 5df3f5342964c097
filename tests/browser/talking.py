"""A person at the chat tab: what they write and what they read there."""

from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

from tests.browser.visits import PATIENCE_MS

expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Talk:
    page: Page

    @property
    def field(self) -> Locator:
        return self.page.locator("#chat-input")

    @property
    def messages(self) -> Locator:
        return self.page.locator("#chat-messages .message")

    @property
    def questions(self) -> Locator:
        return self.page.locator("#chat-messages .message[data-role=user]")

    @property
    def replies(self) -> Locator:
        return self.page.locator("#chat-messages .message[data-role=assistant]")

    @property
    def last(self) -> Locator:
        return self.replies.last

    @property
    def text(self) -> Locator:
        """Of the last reply."""
        return self.last.locator(".message-body .rendered").last

    @property
    def note(self) -> Locator:
        return self.page.locator(".talk-note")

    @property
    def chats(self) -> Locator:
        return self.page.locator("#chat-list .side-chat")

    @property
    def versions(self) -> Locator:
        return self.last.locator(".versions-count")

    def send(self, text: str) -> None:
        self.field.fill(text)
        self.field.press("Enter")

    def ask(self, text: str) -> None:
        """And wait for the whole reply."""
        count = self.questions.count()
        self.send(text)
        expect(self.questions).to_have_count(count + 1)
        self.wait()

    def wait(self) -> None:
        """Until nothing is being written."""
        expect(self.page.locator("#chat-send[aria-label=Send]")).to_be_visible(timeout=PATIENCE_MS)
        expect(self.page.locator("#chat-messages .writing")).to_have_count(0)

    def wait_for_writing(self) -> None:
        expect(self.page.locator("#chat-send[aria-label=Stop]")).to_be_visible()

    def choose_in_menu(self, item: str) -> None:
        self.page.locator("#chat-more").click()
        self.page.locator(".chat-panel").get_by_role("menuitem", name=item).click()

    def choose_for_chat(self, chat: Locator, item: str) -> None:
        chat.hover()
        chat.get_by_role("button", name="More").click()
        self.page.locator(".chat-panel").get_by_role("menuitem", name=item).click()

    def do(self, message: Locator, button: str) -> None:
        """A button below a message."""
        message.hover()
        message.get_by_role("button", name=button, exact=True).click()

    def start_anew(self) -> None:
        self.page.locator("#chat-new").click()
        expect(self.messages).to_have_count(0)
