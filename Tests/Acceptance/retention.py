"""The same requests of an organization whose bodies are kept and of one whose are not.

Arguments: the key of the first, the key of the second. Environment: GATEWAY_URL. Prints what was sent.
"""

import json
import os
import sys

import httpx

URL = os.environ["GATEWAY_URL"] + "/v1/chat/completions"
requests = []
with httpx.Client(timeout=30) as client:
    for key in sys.argv[1:3]:
        for stream in (False, True):
            # Spaces that only the bytes themselves have.
            sent = json.dumps({"model": "echo", "stream": stream, "messages": [
                {"role": "user", "content": "Zoë"}]}, indent=3, ensure_ascii=False)
            answer = client.post(URL, headers={"authorization": "Bearer " + key}, content=sent)
            assert answer.status_code == 200, answer.text
            requests.append({
                "requestId": answer.headers["x-llmgateway-request-id"], "sent": sent, "stream": stream,
                "retained": key == sys.argv[1]})
print(json.dumps(requests))
