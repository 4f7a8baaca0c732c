"""The page of export/web/, operated through selenium as a user does."""

import numpy as np
import pytest
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.support.wait import WebDriverWait

GRAY = (32, 32, 1)


def softmax(logits):
    powers = np.exp(np.float64(logits) - np.max(logits))
    return powers / powers.sum()


class Page:
    """The page's content, and the user's actions.

    Args:
        driver: The browser.
        address: The address of the web server.
    """

    def __init__(self, driver, address):
        self.driver, self.address = driver, address

    def open(self, path):
        self.driver.get(f"{self.address}/{path}")
        self.wait(lambda: not self.message.startswith("Loading"))

    def wait(self, condition):
        try:
            WebDriverWait(self.driver, 20, poll_frequency=0.02).until(lambda _: condition())
        except TimeoutException:
            pytest.fail(f"The condition was not met in time. The page shows: {self.message!r}")

    def element(self, name):
        return self.driver.find_element("id", name)

    @property
    def message(self):
        return self.element("message").text

    def bars(self):
        """The displayed classes, each with its share in percent."""
        rows = self.driver.find_elements("css selector", "#classes li")
        return [tuple(row.text.split("\n")) for row in rows]

    def choose_file(self, path, field):
        self.element(field).send_keys(str(path))

    def model_input(self):
        """The model's input as the page displays it, RGB."""
        flat = self.driver.execute_script(
            "const input = document.getElementById('model-input');"
            "const {width, height} = input;"
            "const {data} = input.getContext('2d').getImageData(0, 0, width, height);"
            "return [height, width, ...data];"
        )
        return np.uint8(flat[2:]).reshape(flat[0], flat[1], 4)[..., :3]

    def loaded(self):
        """The addresses of all resources that the page loaded."""
        return self.driver.execute_script(
            "return performance.getEntriesByType('resource').map((entry) => entry.name)"
        )

    def classify(self, image):
        logits, error = self.driver.execute_async_script(
            "const [pixels, done] = arguments;"
            "classify(new Uint8Array(pixels)).then("
            "(logits) => done([Array.from(logits), null]), (error) => done([null, `${error}`]));",
            image.ravel().tolist(),
        )
        assert error is None, error
        return np.float32(logits)

    def draw(self, points, kind="mouse"):
        """Draw one stroke between points, which are given in parts of the pad's sides."""
        box = self.element("pad").rect
        actions = ActionBuilder(self.driver, mouse=PointerInput(kind, kind), duration=5)
        for number, (x, y) in enumerate(points):
            place = round(box["x"] + x * box["width"]), round(box["y"] + y * box["height"])
            actions.pointer_action.move_to_location(*place)
            if number == 0:
                actions.pointer_action.pointer_down()
        actions.pointer_action.pointer_up()
        actions.perform()
        self.classify(np.zeros(GRAY))  # waits for the answers to the stroke

    def check_bars(self, logits, labels):
        """Check that all classes are displayed in order, with their shares in percent."""
        wanted = sorted(zip(softmax(logits), labels, strict=True), reverse=True)
        bars = self.bars()
        assert [name for name, _ in bars] == [name for _, name in wanted]
        for (_, percent), (probability, _) in zip(bars, wanted, strict=True):
            if percent == "< 0.1 %":
                assert probability < 0.0005
            else:
                assert float(percent.removesuffix(" %")) == pytest.approx(
                    100 * probability, abs=0.06
                )
