"""Signs in for the generated requests, again every second, because some requests end their own session."""

import json
import os
import urllib.request

import schemathesis

if "HOLDFAST_LOGIN" in os.environ:

    @schemathesis.auth(refresh_interval=1)
    class SignIn:
        def get(self, case, context):
            request = urllib.request.Request(
                os.environ["HOLDFAST_URL"] + "/auth/login",
                os.environ["HOLDFAST_LOGIN"].encode(),
                {"Content-Type": "application/json"},
            )
            with urllib.request.urlopen(request) as response:
                return json.load(response)["access_token"]

        def set(self, case, data, context):
            case.headers["Authorization"] = f"Bearer {data}"
