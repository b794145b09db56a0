"""A person in a real browser: signs up, makes a passkey on a virtual authenticator, and signs in with it alone."""

import os

import browser
from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions

url = os.environ["GATEWAY_URL"].replace("127.0.0.1", "localhost")

FETCH = """
const call = async (path, body) => {
    const answer = await fetch(path, body === undefined ? {} : {
        method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify(body)});
    return {status: answer.status, body: await answer.json().catch(() => null)};
};
const register = async name => {
    const options = await call("/auth/passkey/generate-register-options");
    const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options.body);
    const made = await navigator.credentials.create({publicKey});
    return call("/auth/passkey/verify-registration", {response: made.toJSON(), name});
};
const signIn = async () => {
    const options = await call("/auth/passkey/generate-authenticate-options");
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options.body);
    const found = await navigator.credentials.get({publicKey});
    return call("/auth/passkey/verify-authentication", {response: found.toJSON()});
};
"""


def run(driver, script):
    """Runs the body of an async function in the page; what it throws is answered as {"thrown": its name}."""
    return driver.execute_async_script(
        FETCH + "const done = arguments[arguments.length - 1];"
        "(async () => {" + script + "})().then(done, error => done({thrown: error.name, text: String(error)}));")


with browser.started() as driver:
    device = VirtualAuthenticatorOptions(
        protocol="ctap2", transport="internal", has_resident_key=True, has_user_verification=True, is_user_verified=True)
    driver.add_virtual_authenticator(device)
    driver.get(url + "/")

    account = '{email: "grace@example.org", password: "correct horse battery", name: "Grace"}'
    made = run(driver, f'return call("/auth/sign-up/email", {account});')
    assert made["status"] == 200, made
    user = made["body"]["user"]["id"]

    passkey = run(driver, 'return register("This browser");')
    assert passkey["status"] == 200, passkey
    assert passkey["body"]["name"] == "This browser", passkey
    # One authenticator, one passkey: the server names those that it knows, and the browser refuses.
    twice = run(driver, 'return register("Again");')
    assert twice.get("thrown") == "InvalidStateError", twice

    left = run(driver, 'return call("/auth/sign-out", {});')
    assert left["status"] == 200, left
    assert run(driver, 'return call("/auth/get-session");')["body"] is None

    back = run(driver, "return signIn();")
    assert back["status"] == 200, back
    assert back["body"]["user"]["id"] == user, back
    assert run(driver, 'return call("/auth/get-session");')["body"]["user"]["id"] == user

    # The authenticator counts; a second sign-in has a greater count, and is as good.
    assert run(driver, "return signIn();")["status"] == 200

    # Another origin of the same server is another site: the browser gives it no passkey, and no cookie.
    driver.get(os.environ["GATEWAY_URL"] + "/")
    stranger = run(driver, "return signIn();")
    assert stranger.get("thrown") in ("SecurityError", "NotAllowedError"), stranger
    assert run(driver, 'return call("/auth/get-session");')["body"] is None
