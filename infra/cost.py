"""Writes docs/cost.md from the templates' sizes and the measured durations: cost.py [--check].

With --check, fails if the page is out of date."""

import re
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent

# List prices in US dollars, us-east-1, as known in 2026. They are assumptions: compare them with AWS's price list.
PRICES = {
    "Lambda, a million requests": 0.20,
    "Lambda, a GB-second on arm64": 0.0000133334,
    "API Gateway (REST), a million requests": 3.50,
    "WAF, a million requests": 0.60,
    "WAF, a web ACL and month": 5.00,
    "WAF, a rule and month": 1.00,
    "CloudWatch Logs, a GB taken in": 0.50,
    "CloudWatch, an alarm and month": 0.10,
    "CloudWatch, a metric and month": 0.30,
    "CloudWatch, a dashboard and month": 3.00,
    "KMS, a key and month": 1.00,
    "Secrets Manager, a secret and month": 0.40,
    "VPC interface endpoint, a zone and hour": 0.01,
    "Aurora Serverless v2, a capacity unit and hour": 0.12,
    "Aurora, a GB and month": 0.10,
}
HOURS = 730
# Size of a request's log line, and of the gateway's, in bytes.
LOG_BYTES = 900
# Shares of requests: mostly accounts, and sign-ins as the expensive ones.
MIX = [("accounts", "`GET /accounts/{id}`", 0.90), ("auth", "`POST /auth/login`", 0.02), ("auth", "`GET /auth/whoami`", 0.08)]


def template(name):
    return (ROOT / "infra" / name).read_text()


def memory():
    """MiB of each function, from its resource or the globals."""
    text = template("functions.yaml")
    usual = int(re.search(r"Globals:.*?MemorySize: (\d+)", text, re.S)[1])
    found = {}
    for block in re.split(r"\n  (?=\w+Function:\n)", text)[1:]:
        name = re.match(r"(\w+)Function:", block)[1].lower()
        own = re.search(r"\n      MemorySize: (\d+)", block)
        found[name] = int(own[1]) if own else usual
    return found


def durations():
    """Milliseconds of a warm request, p50, by function and request."""
    rows = re.findall(r"\| (\w+) \| ([^|]+?) \| [\d.]+ ms \| ([\d.]+) ms", (ROOT / "docs/performance.md").read_text())
    return {(function, request): float(p50) for function, request, p50 in rows}


def count(kind, *names):
    return sum(len(re.findall(rf"Type: {kind}\n", template(name))) for name in names)


def page():
    p, sizes, times = PRICES, memory(), durations()
    files = [path.name for path in sorted((ROOT / "infra").glob("*.yaml"))]
    lines = []
    million = 0.0
    for function, request, share in MIX:
        seconds = times[function, request] / 1000
        dear = 1e6 * share * (sizes[function] / 1024) * seconds * p["Lambda, a GB-second on arm64"]
        million += dear
        lines.append(f"| {request} | {share:.0%} | {sizes[function]} MiB | {times[function, request]:.2f} ms | {dear:.3f} |")
    fixed = [
        ("Lambda, requests", p["Lambda, a million requests"]),
        ("API Gateway", p["API Gateway (REST), a million requests"]),
        ("WAF", p["WAF, a million requests"]),
        ("logs", LOG_BYTES * 1e6 / 1e9 * p["CloudWatch Logs, a GB taken in"]),
    ]
    rules = len(re.findall(r"\n        - Name: ", template("firewall.yaml")))
    metrics = 40
    month = [
        (f"firewall, with {rules} rules", p["WAF, a web ACL and month"] + rules * p["WAF, a rule and month"]),
        (f"{(n := count('AWS::KMS::Key', *files))} keys", n * p["KMS, a key and month"]),
        (f"{(n := count('AWS::SecretsManager::Secret', *files))} secrets", n * p["Secrets Manager, a secret and month"]),
        (f"{(n := count('AWS::CloudWatch::Alarm', *files))} alarms", n * p["CloudWatch, an alarm and month"]),
        (f"some {metrics} metrics and a dashboard", metrics * p["CloudWatch, a metric and month"] + p["CloudWatch, a dashboard and month"]),
        (
            f"{(n := len(re.findall(r'VpcEndpointType: Interface', template('network.yaml'))))} VPC endpoints in three zones",
            n * 3 * HOURS * p["VPC interface endpoint, a zone and hour"],
        ),
        ("the drill's database, 2 capacity units for half an hour a week, 1 GB", 52 / 12 * 0.5 * 2 * p["Aurora Serverless v2, a capacity unit and hour"] + p["Aurora, a GB and month"]),
        ("database, 0.5 capacity units each for writer and reader, 10 GB", HOURS * 1.0 * p["Aurora Serverless v2, a capacity unit and hour"] + 10 * p["Aurora, a GB and month"]),
    ]
    total = million + sum(value for _, value in fixed)
    idle = sum(value for _, value in month)
    text = [
        "# What it costs",
        "",
        "Written by `infra/cost.py` from the sizes in the templates and the durations in [performance.md](performance.md); `make check`",
        "fails where it is out of date. Prices are list prices of us-east-1 in US dollars, as known in 2026: assumptions, which AWS's",
        "own price list overrules. The durations were measured on x86_64 and not in Lambda. Tax, traffic out of AWS and the free",
        "tiers are left out.",
        "",
        f"**A million requests: {total:.2f} dollars. A month in which nothing happens: {idle:.0f} dollars.**",
        "",
        "## A million requests",
        "",
        "Lambda bills time by memory: requests x share x (MiB / 1024) x seconds x price of a GB-second.",
        "",
        "| request | share | memory | duration | dollars |",
        "| --- | ---: | ---: | ---: | ---: |",
        *lines,
        "",
        "| for each request | dollars a million |",
        "| --- | ---: |",
        *[f"| {name} | {value:.2f} |" for name, value in fixed],
        "",
        "What a request costs is the gateway; the functions themselves are less than a hundredth of it. The database's time comes on top, as far",
        "as it needs more than its least capacity.",
        "",
        "## An idle month",
        "",
        "| what | dollars |",
        "| --- | ---: |",
        *[f"| {name} | {value:.2f} |" for name, value in month],
        "",
        "`dev` has two zones and no reader. A network with endpoints of its own, shared by several deployments, takes that line away.",
        "",
        "## Prices",
        "",
        "| price | dollars |",
        "| --- | ---: |",
        *[f"| {name} | {value:.10g} |" for name, value in PRICES.items()],
        "",
    ]
    return "\n".join(text)


if __name__ == "__main__":
    place = ROOT / "docs/cost.md"
    if "--check" in sys.argv:
        if not place.exists() or place.read_text() != page():
            sys.exit("docs/cost.md is out of date: python3 infra/cost.py")
    else:
        place.write_text(page())
