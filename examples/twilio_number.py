"""A Twilio number that an agent answers: points the number's voice webhook at your server.

    export TWILIO_ACCOUNT_SID=AC... TWILIO_AUTH_TOKEN=...
    export BARGEIN_TWILIO_AUTH_TOKEN=$TWILIO_AUTH_TOKEN BARGEIN_PUBLIC_URL=https://voice.example.com
    bargein serve --agent support
    python examples/twilio_number.py +15550100 https://voice.example.com support

Only Python itself is needed.
"""

import base64
import json
import os
import sys
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

SID, TOKEN = os.environ["TWILIO_ACCOUNT_SID"], os.environ["TWILIO_AUTH_TOKEN"]
API = os.environ.get("TWILIO_API", "https://api.twilio.com") + f"/2010-04-01/Accounts/{SID}/IncomingPhoneNumbers"
KEY = base64.b64encode(f"{SID}:{TOKEN}".encode()).decode()


def ask(url: str, **form: str) -> dict:
    body = urlencode(form).encode() if form else None
    with urlopen(Request(url, body, {"Authorization": f"Basic {KEY}"})) as answer:
        return json.load(answer)


def main(number: str, server: str, agent: str) -> None:
    found = ask(f"{API}.json?PhoneNumber={quote(number)}")["incoming_phone_numbers"]
    if not found:
        sys.exit(f"{number} is no number of this account")
    webhook = f"{server.rstrip('/')}/v1/twilio/voice?{urlencode({'agent': agent})}"
    ask(f"{API}/{found[0]['sid']}.json", VoiceUrl=webhook, VoiceMethod="POST")
    print(f"{number} is answered by {webhook}")


if __name__ == "__main__":
    main(*sys.argv[1:])
