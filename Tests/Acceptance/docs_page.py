"""The page /docs in a real browser: every operation of the document, found by typing, and nothing that the browser complains of."""

import os

import browser
import httpx
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

url = os.environ["GATEWAY_URL"]
document = httpx.get(url + "/openapi.json", timeout=60).json()
expected = {operation["operationId"] for methods in document["paths"].values() for operation in methods.values()}

with browser.started() as driver:
    driver.get(url + "/docs#createAPIKey")
    main = driver.find_element(By.ID, "operations")
    WebDriverWait(driver, 60).until(lambda _: main.get_attribute("aria-busy") == "false")
    shown = {found.get_attribute("id") for found in driver.find_elements(By.TAG_NAME, "details")}
    assert shown == expected, (shown ^ expected, main.text[:500])
    opened = driver.find_element(By.ID, "createAPIKey")
    assert opened.get_attribute("open") is not None
    assert "usageLimit" in opened.text and "NewAPIKey" not in opened.text, opened.text

    driver.find_element(By.ID, "find").send_keys("/team/")
    left = {found.get_attribute("id") for found in driver.find_elements(By.TAG_NAME, "details") if found.is_displayed()}
    assert left == {
        operation["operationId"] for path, methods in document["paths"].items() for operation in methods.values()
        if "/team/" in path
    }, left

    # A page of this server may load nothing from elsewhere.
    blocked = driver.execute_async_script(
        "const done = arguments[0]; fetch('http://localhost:1/').then(() => done('fetched'), error => done(error.name));")
    assert blocked == "TypeError", blocked
    complaints = [entry for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
    assert all("http://localhost:1/" in entry["message"] for entry in complaints), complaints
