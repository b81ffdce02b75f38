"""The loop of a Lambda runtime: fetches an event and returns the response."""

import http.client
import json
import os

from handler import handler

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])


def call(method, path, body=None):
    api.request(method, f"/2018-06-01/runtime/invocation/{path}", body)
    answer = api.getresponse()
    return answer.headers, answer.read()


while True:
    headers, event = call("GET", "next")
    answer = json.dumps(handler(json.loads(event)))
    call("POST", f"{headers['Lambda-Runtime-Aws-Request-Id']}/response", answer)
