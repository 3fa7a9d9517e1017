"""The server that the support agent's tools ask: some orders, and people to hand over to.

    python examples/orders.py
    bargein serve --agent support

Only Python itself is needed. Yours would look into a database instead.
"""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = 8090
ORDERS = {
    17: {"state": "sent", "arrives": "tomorrow before noon"},
    42: {"state": "waiting for one item", "arrives": "next Friday"},
}


class Shop(BaseHTTPRequestHandler):
    def do_GET(self):
        number = self.path.partition("/orders/")[2]
        order = ORDERS.get(int(number)) if number.isdigit() else None
        if order is None:
            self.answer(404, {"error": f"there is no order {number}"})
        else:
            self.answer(200, order)

    def do_POST(self):
        wanted = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        print("Somebody wants to talk with a person:", wanted["query"], flush=True)
        self.answer(200, {"state": "a colleague takes over in a minute"})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if __name__ == "__main__":
    print(f"Orders {', '.join(map(str, ORDERS))} on http://127.0.0.1:{PORT}", flush=True)
    ThreadingHTTPServer(("127.0.0.1", PORT), Shop).serve_forever()
