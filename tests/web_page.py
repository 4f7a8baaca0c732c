"""The page of export/web/ as a person sees and uses it, through selenium."""

import numpy as np
import pytest
from selenium.common.exceptions import TimeoutException
from selenium.webdriver.common.actions.action_builder import ActionBuilder
from selenium.webdriver.common.actions.pointer_input import PointerInput
from selenium.webdriver.support.wait import WebDriverWait

GREY = (32, 32, 1)


class Page:
    """What a person sees of the page, and does there."""

    def __init__(self, driver, address):
        self.driver, self.address = driver, address

    def open(self, path):
        self.driver.get(f"{self.address}/{path}")
        self.wait(lambda: not self.message.startswith("Loading"))

    def wait(self, condition):
        try:
            WebDriverWait(self.driver, 20, poll_frequency=0.02).until(lambda _: condition())
        except TimeoutException:
            pytest.fail(f"Waited in vain. The page says: {self.message!r}")

    def element(self, name):
        return self.driver.find_element("id", name)

    @property
    def message(self):
        return self.element("message").text

    def bars(self):
        rows = self.driver.find_elements("css selector", "#classes li")
        return [tuple(row.text.split("\n")) for row in rows]

    def give(self, path, field):
        self.element(field).send_keys(str(path))

    def seen(self):
        """The model's input as the page shows it, RGB."""
        flat = self.driver.execute_script(
            "const seen = document.getElementById('seen');"
            "const {width, height} = seen;"
            "const {data} = seen.getContext('2d').getImageData(0, 0, width, height);"
            "return [height, width, ...data];"
        )
        return np.uint8(flat[2:]).reshape(flat[0], flat[1], 4)[..., :3]

    def loaded(self):
        """Addresses of all that the page loaded."""
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
        """One stroke between points in parts of the pad's sides."""
        box = self.element("pad").rect
        actions = ActionBuilder(self.driver, mouse=PointerInput(kind, kind), duration=5)
        for number, (x, y) in enumerate(points):
            place = round(box["x"] + x * box["width"]), round(box["y"] + y * box["height"])
            actions.pointer_action.move_to_location(*place)
            if number == 0:
                actions.pointer_action.pointer_down()
        actions.pointer_action.pointer_up()
        actions.perform()
        self.classify(np.zeros(GREY))  # comes after the answers that the stroke asked for
